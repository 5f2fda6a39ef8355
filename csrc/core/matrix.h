// Dense row-major matrices: the few operations that Eq. (1) and its gradients need.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace desire_edge {

// A matrix read in place, owned by someone else.
template <class T>
class View {
 public:
  View(const T* data, int64_t rows, int64_t cols) : data_(data), rows_(rows), cols_(cols) {}

  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  const T* data() const { return data_; }
  const T* row(int64_t i) const { return data_ + i * cols_; }
  T operator()(int64_t i, int64_t j) const { return data_[i * cols_ + j]; }

 private:
  const T* data_;
  int64_t rows_;
  int64_t cols_;
};

// A matrix that owns its elements, zero at first.
template <class T>
class Matrix {
 public:
  Matrix(int64_t rows, int64_t cols) : rows_(rows), cols_(cols), data_(static_cast<size_t>(rows * cols)) {}
  explicit Matrix(View<T> view) : Matrix(view.rows(), view.cols()) {
    std::copy_n(view.data(), data_.size(), data_.data());
  }
  operator View<T>() const { return {data_.data(), rows_, cols_}; }

  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  T* row(int64_t i) { return data_.data() + i * cols_; }
  const T* row(int64_t i) const { return data_.data() + i * cols_; }
  T& operator()(int64_t i, int64_t j) { return data_[static_cast<size_t>(i * cols_ + j)]; }
  T operator()(int64_t i, int64_t j) const { return data_[static_cast<size_t>(i * cols_ + j)]; }
  void copy_to(T* target) const { std::copy(data_.begin(), data_.end(), target); }

 private:
  int64_t rows_;
  int64_t cols_;
  std::vector<T> data_;
};

// Called with T named, as multiply<T>(a, b), so that a Matrix<T> converts to the View<T> they read.
template <class T>
Matrix<T> transposed(View<T> a) {
  Matrix<T> result(a.cols(), a.rows());
  for (int64_t i = 0; i < a.rows(); ++i) {
    for (int64_t j = 0; j < a.cols(); ++j) result(j, i) = a(i, j);
  }
  return result;
}

// a b. Each element is summed in double and rounded once: the norms downstream amplify float's error.
template <class T>
Matrix<T> multiply(View<T> a, View<T> b) {
  Matrix<T> result(a.rows(), b.cols());
  std::vector<double> sums(static_cast<size_t>(b.cols()));
  for (int64_t i = 0; i < a.rows(); ++i) {
    std::fill(sums.begin(), sums.end(), 0.0);
    for (int64_t k = 0; k < a.cols(); ++k) {
      const double factor = a(i, k);
      const T* row = b.row(k);
      for (int64_t j = 0; j < b.cols(); ++j) sums[static_cast<size_t>(j)] += factor * row[j];
    }
    for (int64_t j = 0; j < b.cols(); ++j) result(i, j) = static_cast<T>(sums[static_cast<size_t>(j)]);
  }
  return result;
}

// [1, cols]: the sums of a's columns.
template <class T>
Matrix<T> column_sums(View<T> a) {
  Matrix<T> result(1, a.cols());
  for (int64_t j = 0; j < a.cols(); ++j) {
    double sum = 0;
    for (int64_t i = 0; i < a.rows(); ++i) sum += a(i, j);
    result(0, j) = static_cast<T>(sum);
  }
  return result;
}

// target += scale * a, element by element.
template <class T>
void add_scaled(Matrix<T>& target, double scale, View<T> a) {
  for (int64_t i = 0; i < a.rows(); ++i) {
    for (int64_t j = 0; j < a.cols(); ++j) {
      target(i, j) = static_cast<T>(target(i, j) + scale * a(i, j));
    }
  }
}

// The sum of a * b over n elements, in double.
template <class T>
double dot(const T* a, const T* b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

// The sum of a * b over all elements.
template <class T>
double sum_of_products(const Matrix<T>& a, const Matrix<T>& b) {
  return dot(a.row(0), b.row(0), a.rows() * a.cols());
}

}  // namespace desire_edge
