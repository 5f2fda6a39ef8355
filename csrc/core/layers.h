// The pieces of Eq. (1): affine map, ReLU, smooth l2 norm.
#pragma once

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
    for (int64_t j = 0; j < a.cols(); ++j) {
      if (!(a(i, j) > 0)) result(i, j) = 0;
    }
  }
  return result;
}

// Rows over their norms, and the norms.
template <class T>
struct UnitRows {
  Matrix<T> rows;
  std::vector<double> norms;
};

template <class T>
UnitRows<T> unit_rows(const Matrix<T>& a) {
  UnitRows<T> unit{a, std::vector<double>(static_cast<size_t>(a.rows()))};
  for (int64_t i = 0; i < a.rows(); ++i) {
    const double norm = smooth_norm(dot(a.row(i), a.row(i), a.cols()));
    unit.norms[static_cast<size_t>(i)] = norm;
    for (int64_t j = 0; j < a.cols(); ++j) unit.rows(i, j) = static_cast<T>(a(i, j) / norm);
  }
  return unit;
}

}  // namespace desire_edge
