// The C ABI as the binding calls it: without the GIL, its statuses raised as exceptions.
#pragma once

#include <pybind11/pybind11.h>

#include <array>
#include <new>
#include <stdexcept>

#include "desire_edge.h"

namespace desire_edge::python {

// DESIRE_EDGE_DIVERGED; in Python DivergedError, a ValueError.
class Diverged : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Raises what a status other than DESIRE_EDGE_OK says.
inline void raise(desire_edge_status status, const char* error) {
  switch (status) {
    case DESIRE_EDGE_OK:
      return;
    case DESIRE_EDGE_INVALID_ARGUMENT:
      throw pybind11::value_error(error);
    case DESIRE_EDGE_DIVERGED:
      throw Diverged(error);
    case DESIRE_EDGE_OUT_OF_MEMORY:
      throw std::bad_alloc();
    case DESIRE_EDGE_INTERNAL_ERROR:
      break;
  }
  throw std::runtime_error(error);
}

// Runs call(error, error_capacity) without the GIL and raises what its status says.
template <class Call>
void run(Call call) {
  std::array<char, 256> error{};
  desire_edge_status status;
  {
    pybind11::gil_scoped_release released;
    status = call(error.data(), error.size());
  }
  raise(status, error.data());
}

}  // namespace desire_edge::python
