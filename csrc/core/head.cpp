#include "head.h"

#include <algorithm>
#include <vector>

#include "layers.h"

namespace desire_edge {

template <class T>
Matrix<T> relu_with_one(const Matrix<T>& a) {
  Matrix<T> result(a.rows(), a.cols() + 1);
  for (int64_t i = 0; i < a.rows(); ++i) {
    for (int64_t j = 0; j < a.cols(); ++j) result(i, j) = std::max(a(i, j), T(0));  // NaN stays NaN
    result(i, a.cols()) = 1;
  }
  return result;
}

template <class T>
double norm_from_gram(const T* t, const T* h_tilde, int64_t size) {
  // Rounding can leave the sum a little below 0 where W_Z(z) is all but 0.
  return smooth_norm(std::max(dot(t, h_tilde, size), 0.0));
}

template <class T>
Matrix<T> head_logits(const Sizes& sizes, const Head<T>& head, const T* r_data, const T* scores_data,
                      const T* z_data) {
  const int64_t S = sizes.examples, N = sizes.labels, d = sizes.dimension, h = sizes.hidden,
                B = sizes.base_labels;
  const View<T> z(z_data, S, d), r(r_data, d, d), scores(scores_data, S, B);
  const bool scored = r_data == nullptr;

  const Matrix<T> h_tilde = relu_with_one(affine<T>(z, {head.w1, d, h}, head.b1));
  const Matrix<T> t = multiply<T>(h_tilde, {head.q, h + 1, h + 1});
  const Matrix<T> y = multiply<T>(h_tilde, {head.v, h + 1, N});
  const Matrix<T> a = scored ? multiply<T>(scores, {head.m, B, N}) : multiply<T>(z, {head.m, d, N});
  const std::vector<double> base_norms = scored ? std::vector<double>(static_cast<size_t>(S), 1.0)
                                                : unit_rows(multiply<T>(z, transposed<T>(r))).norms;

  Matrix<T> logits(S, N);
  for (int64_t i = 0; i < S; ++i) {
    const double transform_scale = head.gamma1 / norm_from_gram(t.row(i), h_tilde.row(i), h + 1);
    const double inference_scale = head.gamma2 / base_norms[static_cast<size_t>(i)];
    for (int64_t j = 0; j < N; ++j) {
      logits(i, j) = static_cast<T>(transform_scale * y(i, j) + inference_scale * a(i, j));
    }
  }
  return logits;
}

template Matrix<double> head_logits<double>(const Sizes&, const Head<double>&, const double*, const double*,
                                            const double*);
template Matrix<double> relu_with_one(const Matrix<double>&);
template double norm_from_gram(const double*, const double*, int64_t);

}  // namespace desire_edge
