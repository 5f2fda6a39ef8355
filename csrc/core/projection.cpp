#include "projection.h"

#include "layers.h"

namespace desire_edge {

template <class T>
Matrix<T> project(const Sizes& sizes, const Model<T>& model, const T* w_novel, const T* z_data) {
  const auto [S, N, d, h, B, T_unused] = sizes;
  const View<T> z(z_data, S, d);

  const Matrix<T> hidden = relu(affine<T>(z, {model.w1, d, h}, model.b1));
  const Matrix<T> transformed = affine<T>(hidden, {model.w2, h, d}, model.b2);
  const Matrix<T> base_scores = multiply<T>(z, {model.w_base, d, B});
  const Matrix<T> inferred = multiply<T>(unit_rows(base_scores).rows, {model.w_i, B, d});

  Matrix<T> semantic(S, d);
  add_scaled<T>(semantic, model.gamma1, unit_rows(transformed).rows);
  add_scaled<T>(semantic, model.gamma2, inferred);
  return multiply<T>(semantic, {w_novel, d, N});
}

template Matrix<double> project<double>(const Sizes&, const Model<double>&, const double*, const double*);

}  // namespace desire_edge
