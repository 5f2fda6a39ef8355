#include "dense.h"

#include "layers.h"
#include "loss.h"
#include "matrix.h"

namespace desire_edge {
namespace {

// d loss / d a from d loss / d (a / ||a||), by row.
template <class T>
Matrix<T> through_norm(const UnitRows<T>& unit, const Matrix<T>& gradient) {
  Matrix<T> result(gradient.rows(), gradient.cols());
  for (int64_t i = 0; i < gradient.rows(); ++i) {
    const double along = dot(gradient.row(i), unit.rows.row(i), gradient.cols());
    const double norm = unit.norms[static_cast<size_t>(i)];
    for (int64_t j = 0; j < gradient.cols(); ++j) {
      result(i, j) = static_cast<T>((gradient(i, j) - along * unit.rows(i, j)) / norm);
    }
  }
  return result;
}

template <class T>
Matrix<T> scaled(double scale, View<T> a) {
  Matrix<T> result(a.rows(), a.cols());
  add_scaled<T>(result, scale, a);
  return result;
}

}  // namespace

template <class T>
void adapt_dense(const Sizes& sizes, const Model<T>& model, const Task<T>& task, Weights<T>& adapted,
                 T* losses) {
  const auto [S, N, d, h, B, steps] = sizes;
  const View<T> z(task.z, S, d), targets(task.targets, S, N), mask(task.mask, S, N),
      w_novel(task.w_novel, d, N);
  const View<T> step_sizes(task.step_sizes, steps, DESIRE_EDGE_STEP_COLUMNS);

  Matrix<T> w1(View<T>(model.w1, d, h)), b1(View<T>(model.b1, 1, h));
  Matrix<T> w2(View<T>(model.w2, h, d)), b2(View<T>(model.b2, 1, d));
  Matrix<T> w_i(View<T>(model.w_i, B, d));
  T gamma1 = model.gamma1, gamma2 = model.gamma2;

  const Matrix<T> z_columns = transposed<T>(z);
  const Matrix<T> label_rows = transposed<T>(w_novel);
  const Matrix<T> base = unit_rows(multiply<T>(z, {model.w_base, d, B})).rows;
  const Matrix<T> base_columns = transposed<T>(base);

  for (int64_t step = 0; step <= steps; ++step) {
    const Matrix<T> hidden_input = affine<T>(z, w1, b1.row(0));
    const Matrix<T> hidden = relu(hidden_input);
    const UnitRows<T> transformed = unit_rows(affine<T>(hidden, w2, b2.row(0)));
    const Matrix<T> transform_scores = multiply<T>(transformed.rows, w_novel);
    const Matrix<T> inference_scores = multiply<T>(multiply<T>(base, w_i), w_novel);
    Matrix<T> logits = scaled<T>(gamma1, transform_scores);
    add_scaled<T>(logits, gamma2, inference_scores);

    const Loss<T> loss = masked_cross_entropy<T>(logits, targets, mask);
    losses[step] = static_cast<T>(loss.value);
    if (step == steps) break;

    // Every gradient is taken at the weights before this step.
    const Matrix<T> d_semantic = multiply<T>(loss.gradient, label_rows);
    const Matrix<T> d_transformed = through_norm(transformed, scaled<T>(gamma1, d_semantic));
    Matrix<T> d_hidden = multiply<T>(d_transformed, transposed<T>(w2));
    for (int64_t i = 0; i < S; ++i) {
      for (int64_t j = 0; j < h; ++j) {
        if (!(hidden_input(i, j) > 0)) d_hidden(i, j) = 0;
      }
    }
    const Matrix<T> d_w_i = multiply<T>(base_columns, scaled<T>(gamma2, d_semantic));
    const double d_gamma1 = sum_of_products(loss.gradient, transform_scores);
    const double d_gamma2 = sum_of_products(loss.gradient, inference_scores);

    const T* eta = step_sizes.row(step);
    add_scaled<T>(w1, -eta[0], multiply<T>(z_columns, d_hidden));
    add_scaled<T>(b1, -eta[0], column_sums<T>(d_hidden));
    add_scaled<T>(w2, -eta[1], multiply<T>(transposed<T>(hidden), d_transformed));
    add_scaled<T>(b2, -eta[1], column_sums<T>(d_transformed));
    add_scaled<T>(w_i, -eta[2], d_w_i);
    gamma1 = static_cast<T>(gamma1 - eta[3] * d_gamma1);
    gamma2 = static_cast<T>(gamma2 - eta[4] * d_gamma2);
  }

  w1.copy_to(adapted.w1);
  b1.copy_to(adapted.b1);
  w2.copy_to(adapted.w2);
  b2.copy_to(adapted.b2);
  w_i.copy_to(adapted.w_i);
  adapted.gamma1 = gamma1;
  adapted.gamma2 = gamma2;
}

template void adapt_dense<float>(const Sizes&, const Model<float>&, const Task<float>&, Weights<float>&,
                                 float*);
template void adapt_dense<double>(const Sizes&, const Model<double>&, const Task<double>&, Weights<double>&,
                                  double*);

}  // namespace desire_edge
