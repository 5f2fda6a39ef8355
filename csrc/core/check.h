// What the C ABI promises of its arguments and results.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

#include "finite.h"
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
  if (all_finite(data, size)) return;
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
  if (all_finite(data, rows * cols)) return;
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
  if (!all_finite(data, count)) {
    throw Failure(DESIRE_EDGE_DIVERGED, std::string("the result ") + name + " has a NaN or infinite value");
  }
}

// The sizes of labels and of W_Z.
inline void check_label_sizes(const Sizes& sizes) {
  check_size(sizes.labels, 1, "sizes.labels");
  check_size(sizes.dimension, 1, "sizes.dimension");
  check_size(sizes.hidden, 1, "sizes.hidden");
}

// W_Z and the factors, which every function reads.
template <class T>
void check_transform(const Sizes& sizes, const Model<T>& model) {
  const int64_t d = sizes.dimension, h = sizes.hidden;
  check_matrix(model.w1, d, h, "w1");
  check_vector(model.b1, h, "b1");
  check_matrix(model.w2, h, d, "w2");
  check_vector(model.b2, d, "b2");
  check_scalar(model.gamma1, "gamma1");
  check_scalar(model.gamma2, "gamma2");
}

// The semantic inference, in the model's own form.
template <class T>
void check_inference(const Sizes& sizes, const Model<T>& model) {
  check_size(sizes.base_labels, 1, "sizes.base_labels");
  check_matrix(model.w_base, sizes.dimension, sizes.base_labels, "w_base");
  check_matrix(model.w_i, sizes.base_labels, sizes.dimension, "w_i");
}

// What the low-rank form reads of the base labels: p and r, or w_i.
template <class T>
void check_base(const Sizes& sizes, const LowrankModel<T>& model) {
  const int64_t d = sizes.dimension, B = sizes.base_labels;
  if (model.p == nullptr && model.r == nullptr) {
    check_size(B, 1, "sizes.base_labels");
    check_matrix(model.w_i, B, d, "w_i");
  } else {
    check_matrix(model.p, d, d, "p");
    check_matrix(model.r, d, d, "r");
  }
}

// The support set and the step sizes of a Task or a desire_edge_support.
template <class T, class Given>
void check_support(const Given& support, int64_t S, int64_t N, int64_t d, int64_t steps) {
  check_matrix(support.z, S, d, "z");
  check_range(support.targets, S, N, T(0), T(1), "targets", "0 to 1");
  check_range(support.mask, S, N, T(0), std::numeric_limits<T>::max(), "mask", "0 or more");
  check_matrix(support.step_sizes, steps, DESIRE_EDGE_STEP_COLUMNS, "step_sizes");
}

// The arrays of a head, with m of that many rows, can be read or written.
template <class T>
void check_head_arrays(const T& head, int64_t N, int64_t d, int64_t h, int64_t rows_of_m) {
  check_pointer(head.w1, d * h, "head.w1");
  check_pointer(head.b1, h, "head.b1");
  check_pointer(head.v, (h + 1) * N, "head.v");
  check_pointer(head.q, (h + 1) * (h + 1), "head.q");
  check_pointer(head.m, rows_of_m * N, "head.m");
}

}  // namespace desire_edge
