// The C ABI as the binding calls it: by element type, without the GIL, its statuses raised as exceptions.
#pragma once

#include <pybind11/pybind11.h>

#include <array>
#include <new>
#include <stdexcept>

#include "desire_edge.h"

namespace desire_edge::python {

template <class T>
struct Abi;

template <>
struct Abi<float> {
  using Model = desire_edge_model_f32;
  using Task = desire_edge_task_f32;
  using Weights = desire_edge_weights_f32;
  using Head = desire_edge_head_f32;
  static constexpr auto project = desire_edge_project_f32;
  static constexpr auto adapt_dense = desire_edge_adapt_dense_f32;
  static constexpr auto adapt_lowrank = desire_edge_adapt_lowrank_f32;
  static constexpr auto fold = desire_edge_fold_f32;
  static constexpr auto head_logits = desire_edge_head_logits_f32;
};

template <>
struct Abi<double> {
  using Model = desire_edge_model_f64;
  using Task = desire_edge_task_f64;
  using Weights = desire_edge_weights_f64;
  using Head = desire_edge_head_f64;
  static constexpr auto project = desire_edge_project_f64;
  static constexpr auto adapt_dense = desire_edge_adapt_dense_f64;
  static constexpr auto adapt_lowrank = desire_edge_adapt_lowrank_f64;
  static constexpr auto fold = desire_edge_fold_f64;
  static constexpr auto head_logits = desire_edge_head_logits_f64;
};

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
