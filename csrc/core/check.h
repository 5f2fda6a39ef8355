// What the C ABI promises of its arguments and results.
#pragma once

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "matrix.h"
#include "types.h"

namespace desire_edge {

// Carries a status and its sentence from the point of failure to the ABI's boundary, and no further.
class Failure : public std::runtime_error {
 public:
  Failure(desire_edge_status status, const std::string& message)
      : std::runtime_error(message), status_(status) {}
  desire_edge_status status() const { return status_; }

 private:
  desire_edge_status status_;
};

[[noreturn]] inline void refuse(const std::string& message) {
  throw Failure(DESIRE_EDGE_INVALID_ARGUMENT, message);
}

inline void check_size(int64_t size, int64_t least, const char* name) {
  if (size < least || size > DESIRE_EDGE_MAX_SIZE) {
    refuse(std::string(name) + " is " + std::to_string(size) + ", expected " + std::to_string(least) +
           " to " + std::to_string(DESIRE_EDGE_MAX_SIZE));
  }
}

// `count` elements at `data` can be read or written.
inline void check_pointer(const void* data, int64_t count, const char* name) {
  if (data == nullptr && count > 0) refuse(std::string(name) + " is NULL");
}

template <class T>
void check_scalar(T value, const char* name) {
  if (!std::isfinite(value)) refuse(std::string(name) + " is NaN or infinite");
}

// All elements are there and finite.
template <class T>
void check_vector(const T* data, int64_t size, const char* name) {
  check_pointer(data, size, name);
  for (int64_t j = 0; j < size; ++j) {
    if (!std::isfinite(data[j])) refuse(std::string(name) + "[" + std::to_string(j) + "] is NaN or infinite");
  }
}

inline std::string element(const char* name, int64_t i, int64_t j) {
  return std::string(name) + "[" + std::to_string(i) + ", " + std::to_string(j) + "]";
}

template <class T>
void check_matrix(const T* data, int64_t rows, int64_t cols, const char* name) {
  check_pointer(data, rows * cols, name);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < cols; ++j) {
      if (!std::isfinite(data[i * cols + j])) refuse(element(name, i, j) + " is NaN or infinite");
    }
  }
}

// As check_matrix, and every element lies in [low, high].
template <class T>
void check_range(const T* data, int64_t rows, int64_t cols, T low, T high, const char* name,
                 const char* expected) {
  check_matrix(data, rows, cols, name);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < cols; ++j) {
      const T value = data[i * cols + j];
      if (value < low || value > high) {
        refuse(element(name, i, j) + " is " + std::to_string(value) + ", expected " + expected);
      }
    }
  }
}

template <class T>
void check_result(const T* data, int64_t count, const char* name) {
  for (int64_t i = 0; i < count; ++i) {
    if (!std::isfinite(data[i])) {
      throw Failure(DESIRE_EDGE_DIVERGED, std::string("the result ") + name + " has a NaN or infinite value");
    }
  }
}

}  // namespace desire_edge
