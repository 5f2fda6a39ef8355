// The pieces of Eq. (1): affine map, ReLU, smooth l2 norm.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "matrix.h"

namespace desire_edge {

// ||a|| = sqrt(a.a + kNormEpsilon^2): unlike a clamped norm it has a bounded gradient at zero.
constexpr double kNormEpsilon = 1e-6;

inline double smooth_norm(double sum_of_squares) {
  return std::sqrt(sum_of_squares + kNormEpsilon * kNormEpsilon);
}

// a w + bias, bias [w.cols] added to every row.
template <class T>
Matrix<T> affine(View<T> a, View<T> w, const T* bias) {
  Matrix<T> result = multiply<T>(a, w);
  for (int64_t i = 0; i < result.rows(); ++i) {
    for (int64_t j = 0; j < result.cols(); ++j) result(i, j) += bias[j];
  }
  return result;
}

template <class T>
Matrix<T> relu(const Matrix<T>& a) {
  Matrix<T> result = a;
  for (int64_t i = 0; i < a.rows(); ++i) {
    for (int64_t j = 0; j < a.cols(); ++j) result(i, j) = std::max(a(i, j), T(0));  // NaN stays NaN
  }
  return result;
}

// a with row i divided by divisors[i].
template <class T>
Matrix<T> divide_rows(Matrix<T> a, const std::vector<double>& divisors) {
  for (int64_t i = 0; i < a.rows(); ++i) {
    for (int64_t j = 0; j < a.cols(); ++j) {
      a(i, j) = static_cast<T>(a(i, j) / divisors[static_cast<size_t>(i)]);
    }
  }
  return a;
}

// Rows over their norms, and the norms.
template <class T>
struct UnitRows {
  Matrix<T> rows;
  std::vector<double> norms;
};

template <class T>
UnitRows<T> unit_rows(const Matrix<T>& a) {
  std::vector<double> norms;
  for (int64_t i = 0; i < a.rows(); ++i) norms.push_back(smooth_norm(dot(a.row(i), a.row(i), a.cols())));
  return {divide_rows(a, norms), norms};
}

}  // namespace desire_edge
