// In the comments below F = W_Z(z) on the support set, H~ = [relu(z w1 + b1), 1], W2~ = [w2; b2], and E is
// the loss's gradient at the logits. The gradient at F is dF = D w_novel^T - diag(r) F with D = diag(gamma1 /
// n) E. Neither F nor dF is ever formed: F enters only as F w_novel = Y = H~ V and as F W2~^T = T = H~ Q.
#include "lowrank.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "head.h"
#include "layers.h"
#include "loss.h"
#include "matrix.h"

namespace desire_edge {
namespace {

// What the support set and the labels fix for all steps.
template <class T>
struct Fixed {
  Matrix<T> m;           // p w_novel, [d, N]; for given scores w_i w_novel, [B, N]
  Matrix<T> base;        // z r^T over its norm rho, [S, d]; or the given scores, [S, B]
  Matrix<T> a;           // (z w_base / rho) w_i w_novel before the first step, [S, N]
  Matrix<T> z_gram;      // z z^T + 1: how a change of w1 and b1 for one example moves another, [S, S]
  Matrix<T> base_gram;   // the same for w_i, [S, S]
  Matrix<T> label_gram;  // w_novel^T w_novel, [N, N]
};

// What the steps change.
template <class T>
struct State {
  Matrix<T> p1;          // z w1 + b1, [S, h]
  Matrix<T> v;           // W2~ w_novel, [h + 1, N]
  Matrix<T> q;           // W2~ W2~^T, [h + 1, h + 1]
  Matrix<T> a;           // (z w_base / rho) w_i w_novel, [S, N]
  Matrix<T> w1_change;   // w1 has changed by -z^T w1_change, b1 by its negative column sums, [S, h]
  Matrix<T> w_i_change;  // w_i has changed by -(z w_base / rho)^T w_i_change w_novel^T, [S, N]
  T gamma1;
  T gamma2;
};

// One evaluation of the support set's logits.
template <class T>
struct Forward {
  Matrix<T> h_tilde;          // [relu(p1), 1], [S, h + 1]
  Matrix<T> t;                // H~ q, [S, h + 1]
  Matrix<T> y;                // H~ v, [S, N]
  std::vector<double> norms;  // n, [S]
  Matrix<T> unit_y;           // y / n, [S, N]
  Matrix<T> logits;           // gamma1 y / n + gamma2 a, [S, N]
};

template <class T>
Fixed<T> prepare(const Sizes& sizes, const LowrankModel<T>& model, const Task<T>& task, View<T> z,
                 View<T> w_novel) {
  const int64_t S = sizes.examples, d = sizes.dimension, B = sizes.base_labels;
  Matrix<T> m(0, 0), base(0, 0), a(0, 0);
  if (model.p == nullptr) {
    m = multiply<T>({model.w_i, B, d}, w_novel);
    base = Matrix<T>(View<T>(task.scores, S, B));
    a = multiply<T>(base, m);
  } else {
    UnitRows<T> unit_base = unit_rows(multiply<T>(z, transposed<T>({model.r, d, d})));
    m = multiply<T>({model.p, d, d}, w_novel);
    base = std::move(unit_base.rows);
    a = divide_rows(multiply<T>(z, m), unit_base.norms);
  }
  Matrix<T> z_gram = multiply<T>(z, transposed<T>(z));
  for (int64_t i = 0; i < z.rows(); ++i) {
    for (int64_t j = 0; j < z.rows(); ++j) z_gram(i, j) += 1;
  }
  Matrix<T> base_gram = multiply<T>(base, transposed<T>(base));
  Matrix<T> label_gram = multiply<T>(transposed<T>(w_novel), w_novel);
  return {std::move(m),      std::move(base),      std::move(a),
          std::move(z_gram), std::move(base_gram), std::move(label_gram)};
}

template <class T>
State<T> start(const Sizes& sizes, const LowrankModel<T>& model, View<T> z, View<T> w_novel,
               const Fixed<T>& fixed) {
  const int64_t S = sizes.examples, N = sizes.labels, d = sizes.dimension, h = sizes.hidden;
  return {affine<T>(z, {model.w1, d, h}, model.b1),
          multiply<T>(with_bias_row(sizes, model.w2, model.b2), w_novel),
          Matrix<T>(View<T>(model.q0, h + 1, h + 1)),
          fixed.a,
          Matrix<T>(S, h),
          Matrix<T>(S, N),
          model.gamma1,
          model.gamma2};
}

template <class T>
Forward<T> evaluate(const State<T>& state) {
  Matrix<T> h_tilde = relu_with_one(state.p1);
  Matrix<T> t = multiply<T>(h_tilde, state.q);
  Matrix<T> y = multiply<T>(h_tilde, state.v);
  std::vector<double> norms;
  for (int64_t i = 0; i < t.rows(); ++i) norms.push_back(norm_from_gram(t.row(i), h_tilde.row(i), t.cols()));
  Matrix<T> unit_y = divide_rows(y, norms);
  Matrix<T> logits(y.rows(), y.cols());
  add_scaled<T>(logits, state.gamma1, unit_y);
  add_scaled<T>(logits, state.gamma2, state.a);
  return {std::move(h_tilde), std::move(t),      std::move(y),
          std::move(norms),   std::move(unit_y), std::move(logits)};
}

// The largest ||H w2|| / ||W_Z(z)||: h~ q h~^T squares the cancellation between H w2 and b2.
template <class T>
T conditioning_of(const State<T>& state, const Forward<T>& forward) {
  const int64_t h = state.p1.cols();
  double largest = 0;
  for (int64_t i = 0; i < state.p1.rows(); ++i) {
    double sum_of_squares = 0;
    for (int64_t j = 0; j < h; ++j) {
      sum_of_squares += (static_cast<double>(forward.t(i, j)) - state.q(h, j)) * forward.h_tilde(i, j);
    }
    largest =
        std::max(largest, std::sqrt(std::max(sum_of_squares, 0.0)) / forward.norms[static_cast<size_t>(i)]);
  }
  return static_cast<T>(largest);
}

// The gradient at F, as the two products in which it is needed.
template <class T>
struct Backward {
  Matrix<T> scaled;       // D, [S, N]
  std::vector<double> r;  // (gamma1 / n^2) rowsum(E * Y / n), [S]
  Matrix<T> d_h_tilde;    // dF W2~^T = D V^T - diag(r) T, [S, h + 1]
  Matrix<T> d_y;          // dF w_novel = D w_novel^T w_novel - diag(r) Y, [S, N]
};

template <class T>
Backward<T> through_transform(const Fixed<T>& fixed, const State<T>& state, const Forward<T>& forward,
                              const Matrix<T>& gradient) {
  Matrix<T> scaled(gradient.rows(), gradient.cols());
  add_scaled<T>(scaled, state.gamma1, divide_rows(gradient, forward.norms));
  Matrix<T> d_h_tilde = multiply<T>(scaled, transposed<T>(state.v));
  Matrix<T> d_y = multiply<T>(scaled, fixed.label_gram);
  std::vector<double> r;
  for (int64_t i = 0; i < gradient.rows(); ++i) {
    const double norm = forward.norms[static_cast<size_t>(i)];
    r.push_back(dot(scaled.row(i), forward.unit_y.row(i), gradient.cols()) / norm);
    for (int64_t j = 0; j < d_h_tilde.cols(); ++j) {
      d_h_tilde(i, j) = static_cast<T>(d_h_tilde(i, j) - r.back() * forward.t(i, j));
    }
    for (int64_t j = 0; j < d_y.cols(); ++j) {
      d_y(i, j) = static_cast<T>(d_y(i, j) - r.back() * forward.y(i, j));
    }
  }
  return {std::move(scaled), std::move(r), std::move(d_h_tilde), std::move(d_y)};
}

// W2~ -= eta H~^T dF, seen by v = W2~ w_novel and q = W2~ W2~^T:
//     q -= H~^T X + X^T H~  with  X = eta dF W2~^T - (eta^2 / 2) dF dF^T H~.
template <class T>
void step_w2(const Forward<T>& forward, const Backward<T>& backward, double eta, State<T>& state) {
  const Matrix<T> h_columns = transposed<T>(forward.h_tilde);

  // dF dF^T = (dF w_novel) D^T - (D Y^T) diag(r) + diag(r) F F^T diag(r), and F F^T = T H~^T.
  Matrix<T> gram = multiply<T>(backward.d_y, transposed<T>(backward.scaled));
  const Matrix<T> cross = multiply<T>(backward.scaled, transposed<T>(forward.y));
  const Matrix<T> f_gram = multiply<T>(forward.t, h_columns);
  for (int64_t i = 0; i < gram.rows(); ++i) {
    for (int64_t j = 0; j < gram.cols(); ++j) {
      const double r_i = backward.r[static_cast<size_t>(i)], r_j = backward.r[static_cast<size_t>(j)];
      gram(i, j) = static_cast<T>(gram(i, j) - cross(i, j) * r_j + r_i * f_gram(i, j) * r_j);
    }
  }

  Matrix<T> x(forward.h_tilde.rows(), forward.h_tilde.cols());
  add_scaled<T>(x, eta, backward.d_h_tilde);
  add_scaled<T>(x, -eta * eta / 2, multiply<T>(gram, forward.h_tilde));
  const Matrix<T> change = multiply<T>(h_columns, x);
  add_scaled<T>(state.q, -1, change);
  add_scaled<T>(state.q, -1, transposed<T>(change));
  add_scaled<T>(state.v, -eta, multiply<T>(h_columns, backward.d_y));
}

// w1 -= eta z^T dP1 and b1 -= eta colsum(dP1), seen by p1 = z w1 + b1.
template <class T>
void step_w1(const Fixed<T>& fixed, const Backward<T>& backward, double eta, State<T>& state) {
  Matrix<T> d_p1(state.p1.rows(), state.p1.cols());
  for (int64_t i = 0; i < d_p1.rows(); ++i) {
    for (int64_t j = 0; j < d_p1.cols(); ++j)
      d_p1(i, j) = state.p1(i, j) > 0 ? backward.d_h_tilde(i, j) : T(0);
  }
  add_scaled<T>(state.p1, -eta, multiply<T>(fixed.z_gram, d_p1));
  add_scaled<T>(state.w1_change, eta, d_p1);
}

// w_i -= eta gamma2 (z w_base / rho)^T E w_novel^T, seen by a = (z w_base / rho) w_i w_novel.
template <class T>
void step_w_i(const Fixed<T>& fixed, const Matrix<T>& gradient, double eta, State<T>& state) {
  const double scale = eta * state.gamma2;
  const Matrix<T> d_a = multiply<T>(fixed.base_gram, multiply<T>(gradient, fixed.label_gram));
  add_scaled<T>(state.a, -scale, d_a);
  add_scaled<T>(state.w_i_change, scale, gradient);
}

// One SGD step. Every gradient is that of the state before it, so what reads a value comes before what
// changes it.
template <class T>
void take_step(const Fixed<T>& fixed, const Forward<T>& forward, const Matrix<T>& gradient, const T* eta,
               State<T>& state) {
  const Backward<T> backward = through_transform(fixed, state, forward, gradient);
  const double d_gamma1 = sum_of_products(gradient, forward.unit_y);
  const double d_gamma2 = sum_of_products(gradient, state.a);
  step_w1(fixed, backward, eta[0], state);
  step_w2(forward, backward, eta[1], state);
  step_w_i(fixed, gradient, eta[2], state);
  state.gamma1 = static_cast<T>(state.gamma1 - eta[3] * d_gamma1);
  state.gamma2 = static_cast<T>(state.gamma2 - eta[4] * d_gamma2);
}

// The adapted model's folded head: the steps' changes put into w1, b1 and m.
template <class T>
void write_head(const Sizes& sizes, const LowrankModel<T>& model, View<T> z, const Fixed<T>& fixed,
                const State<T>& state, Head<T>& head) {
  const int64_t d = sizes.dimension, h = sizes.hidden;
  Matrix<T> w1(View<T>(model.w1, d, h)), b1(View<T>(model.b1, 1, h));
  add_scaled<T>(w1, -1, multiply<T>(transposed<T>(z), state.w1_change));
  add_scaled<T>(b1, -1, column_sums<T>(state.w1_change));

  // For m = w_base w_i w_novel: w_base (z w_base / rho)^T = r^T (z r^T / rho)^T.
  const Matrix<T> w_i_change = multiply<T>(state.w_i_change, fixed.label_gram);
  Matrix<T> m_change = multiply<T>(transposed<T>(fixed.base), w_i_change);
  if (model.p != nullptr) m_change = multiply<T>(transposed<T>({model.r, d, d}), m_change);
  Matrix<T> m = fixed.m;
  add_scaled<T>(m, -1, m_change);

  w1.copy_to(head.w1);
  b1.copy_to(head.b1);
  state.v.copy_to(head.v);
  state.q.copy_to(head.q);
  m.copy_to(head.m);
  head.gamma1 = state.gamma1;
  head.gamma2 = state.gamma2;
}

}  // namespace

template <class T>
void adapt_lowrank(const Sizes& sizes, const LowrankModel<T>& model, const Task<T>& task, Head<T>& head,
                   T* losses, T* conditioning) {
  const int64_t S = sizes.examples, N = sizes.labels, d = sizes.dimension;
  const View<T> z(task.z, S, d), targets(task.targets, S, N), mask(task.mask, S, N),
      w_novel(task.w_novel, d, N);
  const View<T> step_sizes(task.step_sizes, sizes.steps, DESIRE_EDGE_STEP_COLUMNS);

  const Fixed<T> fixed = prepare<T>(sizes, model, task, z, w_novel);
  State<T> state = start<T>(sizes, model, z, w_novel, fixed);

  for (int64_t step = 0; step <= sizes.steps; ++step) {
    const Forward<T> forward = evaluate(state);
    if (step == 0) conditioning[0] = conditioning_of(state, forward);
    if (step == sizes.steps) conditioning[1] = conditioning_of(state, forward);
    const Loss<T> loss = masked_cross_entropy<T>(forward.logits, targets, mask);
    losses[step] = static_cast<T>(loss.value);
    if (step < sizes.steps) take_step(fixed, forward, loss.gradient, step_sizes.row(step), state);
  }
  write_head<T>(sizes, model, z, fixed, state, head);
}

template void adapt_lowrank<double>(const Sizes&, const LowrankModel<double>&, const Task<double>&,
                                    Head<double>&, double*, double*);

}  // namespace desire_edge
