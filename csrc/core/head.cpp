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
Matrix<T> with_bias_row(const Sizes& sizes, const T* w2, const T* b2) {
  Matrix<T> result(sizes.hidden + 1, sizes.dimension);
  std::copy_n(w2, sizes.hidden * sizes.dimension, result.row(0));
  std::copy_n(b2, sizes.dimension, result.row(sizes.hidden));
  return result;
}

template <class T>
double norm_from_gram(const T* t, const T* h_tilde, int64_t size) {
  // Rounding can leave the sum a little below 0 where W_Z(z) is all but 0.
  return smooth_norm(std::max(dot(t, h_tilde, size), 0.0));
}

template <class T>
void fold(const Sizes& sizes, const Model<T>& model, const T* w_novel_data, Head<T>& head) {
  const int64_t N = sizes.labels, d = sizes.dimension, h = sizes.hidden, B = sizes.base_labels;
  const View<T> w_novel(w_novel_data, d, N);
  const Matrix<T> w2_tilde = with_bias_row(sizes, model.w2, model.b2);

  std::copy_n(model.w1, d * h, head.w1);
  std::copy_n(model.b1, h, head.b1);
  multiply<T>(w2_tilde, w_novel).copy_to(head.v);
  multiply<T>(w2_tilde, transposed<T>(w2_tilde)).copy_to(head.q);
  multiply<T>({model.w_base, d, B}, multiply<T>({model.w_i, B, d}, w_novel)).copy_to(head.m);
  head.gamma1 = model.gamma1;
  head.gamma2 = model.gamma2;
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

template void fold<float>(const Sizes&, const Model<float>&, const float*, Head<float>&);
template void fold<double>(const Sizes&, const Model<double>&, const double*, Head<double>&);
template Matrix<double> head_logits<double>(const Sizes&, const Head<double>&, const double*, const double*,
                                            const double*);
template Matrix<double> relu_with_one(const Matrix<double>&);
template Matrix<float> with_bias_row(const Sizes&, const float*, const float*);
template Matrix<double> with_bias_row(const Sizes&, const double*, const double*);
template double norm_from_gram(const double*, const double*, int64_t);

}  // namespace desire_edge
