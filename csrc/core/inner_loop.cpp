#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "check.h"
#include "inner_state.h"
#include "layers.h"

namespace desire_edge {

InnerLoop::InnerLoop(const PackedModel& model, int64_t S, int64_t N, int64_t T, Form form, Arena& arena)
    : model(model),
      kernels(model.kernels),
      S(S),
      N(N),
      panel(kernels.panel),
      form(form),
      d_row(model.d_row),
      h_row(model.h_row),
      m_row(model.m_row),
      n_row(padded(N, panel)),
      s_row(padded(S, panel)) {
  z = arena.take<float>(S * d_row);
  base = arena.take<float>(S * m_row);
  p1 = arena.take<float>(S * h_row);
  k1 = arena.take<float>(S * s_row);
  k_u = arena.take<float>(S * s_row);
  h = arena.take<float>(S * h_row);
  f = arena.take<float>(S * (form == Form::weights ? d_row : h_row));
  // What the kernels read whole rows of, but other code writes N elements of a row.
  for (float** array : {&targets, &shares, &a0, &y, &unit, &a, &e, &scaled}) *array = arena.zeros(S * n_row);
  left = arena.zeros(2 * S * n_row);
  right = arena.zeros(2 * S * n_row);
  norms = arena.take<float>(S);
  cross = arena.take<float>(S);
  r = arena.take<float>(S);
  backward = arena.zeros(S * h_row);
  wide_backward = arena.take<float>(form == Form::weights ? S * d_row : 0);
  gram = arena.take<float>(S * s_row);
  f_gram = arena.take<float>(S * s_row);
  x = arena.take<float>(form == Form::weights ? 0 : S * h_row);
  const int64_t pairs = form == Form::pairs ? 2 * S * T : 0;
  left_pairs = arena.take<float>(pairs * h_row);
  right_pairs = arena.take<float>(pairs * h_row);
  by_pairs = arena.take<float>(form == Form::pairs ? S * pairs : 0);
  m_change = arena.take<float>(2 * N * m_row);
  for (State& state : states) {
    state.c = arena.take<float>(S * h_row);
    state.v = arena.take<float>(N * h_row);
    state.a_change = arena.take<float>(S * n_row);
    state.logits = arena.zeros(S * n_row);
    const int64_t columns = form == Form::pairs ? 0 : form == Form::gram ? h_row : d_row;
    state.room = arena.take<float>((model.h + 1) * columns);
  }
}

void InnerLoop::prepare(const Labels& labels, const Support& support) {
  copy_padded(support.z, S, model.d, z, d_row);
  add({factor(model.b1_tilde, 0), {p1, h_row, panel}, S, h_row, false, false}, model.w1.product(z, d_row));
  if (model.takes_scores) {
    copy_padded(support.scores, S, model.width, base, m_row);
    kernels.dots(base, m_row, S, labels.m, m_row, N, m_row, false, a0, n_row);
  } else {
    add(sum(nullptr, base, S, d_row), model.r_columns.product(z, d_row));
    kernels.row_dots(base, base, S, d_row, norms);
    kernels.dots(z, d_row, S, labels.m, m_row, N, d_row, false, a0, n_row);
    for (int64_t i = 0; i < S; ++i) {
      const float scale = static_cast<float>(1 / smooth_norm(norms[i]));
      for (int64_t j = 0; j < d_row; ++j) base[i * d_row + j] *= scale;
      for (int64_t j = 0; j < n_row; ++j) a0[i * n_row + j] *= scale;
    }
  }
  double weight = 0;
  for (int64_t i = 0; i < S * N; ++i) weight += support.mask[i];
  for (int64_t i = 0; i < S; ++i) {
    for (int64_t j = 0; j < N; ++j) {
      targets[i * n_row + j] = support.targets[i * N + j];
      shares[i * n_row + j] = weight == 0 ? 0 : static_cast<float>(support.mask[i * N + j] / weight);
    }
  }
  kernels.dots(z, d_row, S, z, d_row, S, d_row, true, k1, s_row);
  for (int64_t i = 0; i < S; ++i) {
    for (int64_t j = 0; j < S; ++j) k1[i * s_row + j] += 1;
  }
  kernels.dots(base, m_row, S, base, m_row, S, m_row, true, k_u, s_row);

  State& first = states[0];
  std::fill_n(first.c, S * h_row, 0.0F);
  std::copy_n(labels.v, N * h_row, first.v);
  std::fill_n(first.a_change, S * n_row, 0.0F);
  first.wide = form == Form::weights ? model.w2 : model.q0.data;
  first.gamma1 = model.gamma1;
  first.gamma2 = model.gamma2;
  first.corner =
      *(model.q0.data + (model.h / panel) * (model.h + 1) * panel + model.h * panel + model.h % panel);
  first.steps = 0;
}

// T = H~ Q with Q = Q0 + left_pairs^T right_pairs, which is symmetric.
void InnerLoop::transform_by_pairs(const State& state) {
  const int64_t pairs = 2 * S * state.steps;
  kernels.dots(h, h_row, S, right_pairs, h_row, pairs, h_row, false, by_pairs, pairs);
  const Product products[] = {model.q0.product(h, h_row),
                              {by_pairs, pairs, 1, factor(left_pairs, h_row), pairs, nullptr}};
  kernels.add_products(sum(nullptr, f, S, h_row), products, pairs > 0 ? 2 : 1);
}

void InnerLoop::transform_by_gram(const State& state) {
  add(sum(nullptr, f, S, h_row), {h, h_row, 1, gram_grid(state.wide), model.h + 1, nullptr});
}

// F = H~ W2~, and from it n^2 and F . b2.
void InnerLoop::transform_by_weights(State& state) {
  add(sum(nullptr, f, S, d_row), {h, h_row, 1, factor(state.wide, d_row), model.h + 1, nullptr});
  const float* b2 = state.wide + model.h * d_row;
  kernels.row_dots(f, f, S, d_row, norms);
  kernels.dots(f, d_row, S, b2, d_row, 1, d_row, false, cross, 1);
  float square;
  kernels.row_dots(b2, b2, 1, d_row, &square);
  state.corner = square;
}

// n^2 = h~ Q h~^T and F . b2 = h~ Q's last column, where T itself is not needed: half of the symmetric Q is
// enough.
void InnerLoop::measure(const State& state) {
  const int64_t size = model.h + 1, last_panel = model.h / panel * panel;
  const Grid q = gram_grid(form == Form::gram ? state.wide : model.q0.data);
  float *twice = backward, *last_columns = x;
  kernels.add_scaled(twice, h, 1, h, nullptr, S, h_row);
  const Product halves[] = {{twice, h_row, 1, q, size, model.above_diagonal},
                            {h, h_row, 1, q, size, model.diagonal}};
  kernels.add_products(sum(nullptr, f, S, h_row), halves, 2);
  kernels.row_dots(f, h, S, h_row, norms);
  add(sum(nullptr, last_columns, S, panel),
      {h, h_row, 1, ConstGrid(q.data + last_panel * size, panel, size * panel), size, nullptr});
  for (int64_t i = 0; i < S; ++i) cross[i] = last_columns[i * panel + model.h - last_panel];
  if (form == Form::gram) return;

  // What left_pairs^T right_pairs, [H~; X]^T [X; H~] of each step, adds.
  const int64_t pairs = 2 * S * state.steps;
  kernels.dots(h, h_row, S, right_pairs, h_row, pairs, h_row, false, by_pairs, pairs);
  for (int64_t i = 0; i < S; ++i) {
    for (int64_t k = 0; k < pairs; ++k) {
      const int64_t partner = k / S % 2 == 0 ? k + S : k - S;
      norms[i] += by_pairs[i * pairs + k] * by_pairs[i * pairs + partner];
      cross[i] += by_pairs[i * pairs + k] * left_pairs[k * h_row + model.h];
    }
  }
}

// The logits of the state, what they are made from unless no step follows, and its conditioning.
void InnerLoop::evaluate(State& state, bool last) {
  const Sum rectified = {factor(p1, h_row), {h, h_row, panel}, S, h_row, false, true};
  const Product change = {k1, s_row, 1, factor(state.c, h_row), S, nullptr};
  kernels.add_products(rectified, &change, state.steps > 0 ? 1 : 0);

  if (form == Form::weights) {
    transform_by_weights(state);
  } else if (last) {
    measure(state);
  } else {
    form == Form::pairs ? transform_by_pairs(state) : transform_by_gram(state);
    kernels.row_dots(f, h, S, h_row, norms);
    for (int64_t i = 0; i < S; ++i) cross[i] = f[i * h_row + model.h];
  }

  kernels.dots(h, h_row, S, state.v, h_row, N, h_row, false, y, n_row);
  add(sum(a0, a, S, n_row), {k_u, s_row, 1, factor(state.a_change, n_row), S, nullptr});
  state.conditioning = 0;
  for (int64_t i = 0; i < S; ++i) {
    // ||H W2||^2 = ||F - b2||^2. Rounding can leave squares a little below 0.
    const double above_bias = std::max(norms[i] - 2.0 * cross[i] + state.corner, 0.0);
    norms[i] = static_cast<float>(smooth_norm(std::max(norms[i], 0.0F)));
    state.conditioning = std::max(state.conditioning, static_cast<float>(std::sqrt(above_bias)) / norms[i]);
    const float scale = 1 / norms[i];
    for (int64_t j = i * n_row; j < i * n_row + N; ++j) {
      unit[j] = y[j] * scale;
      state.logits[j] = state.gamma1 * unit[j] + state.gamma2 * a[j];
    }
  }
}

// X = -eta B2 + (eta^2 / 2) dF dF^T H~, where dF dF^T = Delta D^T - D Y^T diag(r) + diag(r) F F^T diag(r),
// and F F^T = T H~^T.
void InnerLoop::find_x(float eta) {
  const float half_square = eta * eta / 2;
  kernels.dots(left, 2 * n_row, S, right, 2 * n_row, S, 2 * n_row, false, gram, s_row);
  kernels.dots(f, h_row, S, h, h_row, S, h_row, true, f_gram, s_row);
  for (int64_t i = 0; i < S; ++i) {
    for (int64_t j = 0; j < S; ++j) {
      float& element = gram[i * s_row + j];
      element = half_square * (element + r[i] * f_gram[i * s_row + j] * r[j]);
    }
  }
  add(sum(nullptr, x, S, h_row), {gram, s_row, 1, factor(h, h_row), S, nullptr});
  kernels.add_scaled(x, x, -eta, backward, nullptr, S, h_row);
}

void InnerLoop::step_pairs(const State& from) {
  const int64_t size = S * h_row;
  float *left_pair = left_pairs + 2 * size * from.steps, *right_pair = right_pairs + 2 * size * from.steps;
  std::copy_n(h, size, left_pair);
  std::copy_n(x, size, left_pair + size);
  std::copy_n(x, size, right_pair);
  std::copy_n(h, size, right_pair + size);
}

void InnerLoop::step_gram(const State& from, State& to) {
  const Product products[] = {{h, 1, h_row, factor(x, h_row), S, nullptr},
                              {x, 1, h_row, factor(h, h_row), S, nullptr}};
  kernels.add_products({gram_grid(from.wide), gram_grid(to.room), model.h + 1, h_row, true, false}, products,
                       2);
  to.wide = to.room;
}

void InnerLoop::step_weights(float eta, const State& from, State& to) {
  for (int64_t j = 0; j < S * d_row; ++j) wide_backward[j] *= -eta;
  add(sum(from.wide, to.room, model.h + 1, d_row), {h, 1, h_row, factor(wide_backward, d_row), S, nullptr});
  to.wide = to.room;
}

// One SGD step. All gradients are those of the state before it: what they are made from is read before `to`,
// which may be `from`, is written.
void InnerLoop::take_step(const Labels& labels, const float* eta, const State& from, State& to) {
  double d_gamma1 = 0, d_gamma2 = 0;
  for (int64_t i = 0; i < S; ++i) {
    double along = 0;
    for (int64_t j = 0; j < N; ++j) {
      const float gradient = e[i * n_row + j];
      along += static_cast<double>(gradient) * unit[i * n_row + j];
      d_gamma2 += static_cast<double>(gradient) * a[i * n_row + j];
      right[2 * i * n_row + j] = from.gamma1 * gradient / norms[i];
    }
    d_gamma1 += along;
    r[i] = static_cast<float>(from.gamma1 * along / (static_cast<double>(norms[i]) * norms[i]));
  }
  const Product by_gram = {right, 2 * n_row, 1, factor(labels.gram, n_row), N, nullptr};
  add({factor(nullptr, 0), {left, 2 * n_row, panel}, S, n_row, false, false}, by_gram);
  for (int64_t i = 0; i < S; ++i) {
    for (int64_t j = 0; j < N; ++j) {
      const float r_y = r[i] * y[i * n_row + j];
      float& delta = left[2 * i * n_row + j];
      delta -= r_y;
      left[(2 * i + 1) * n_row + j] = -right[2 * i * n_row + j];
      right[(2 * i + 1) * n_row + j] = r_y;
      scaled[i * n_row + j] = -eta[1] * delta;
    }
  }

  if (form == Form::weights) {
    add(sum(nullptr, wide_backward, S, d_row),
        {right, 2 * n_row, 1, factor(labels.words, d_row), N, nullptr});
    kernels.subtract_scaled(wide_backward, r, f, S, d_row);
    kernels.dots(wide_backward, d_row, S, from.wide, d_row, model.h + 1, d_row, false, backward, h_row);
    step_weights(eta[1], from, to);
  } else {
    add(sum(nullptr, backward, S, h_row), {right, 2 * n_row, 1, factor(from.v, h_row), N, nullptr});
    kernels.subtract_scaled(backward, r, f, S, h_row);
    find_x(eta[1]);
    form == Form::pairs ? step_pairs(from) : step_gram(from, to);
    to.corner = from.corner;
    for (int64_t i = 0; i < S; ++i) to.corner += 2.0 * x[i * h_row + model.h];
  }
  add(sum(from.v, to.v, N, h_row), {scaled, 1, n_row, factor(h, h_row), S, nullptr});
  kernels.add_scaled(to.c, from.c, -eta[0], backward, h, S, h_row);
  for (int64_t i = 0; i < S; ++i) to.c[i * h_row + model.h] = 0;  // no unit, but the bias of w2

  for (int64_t j = 0; j < S * n_row; ++j) scaled[j] = -eta[2] * from.gamma2 * e[j];
  add(sum(from.a_change, to.a_change, S, n_row), {scaled, n_row, 1, factor(labels.gram, n_row), N, nullptr});
  to.gamma1 = static_cast<float>(from.gamma1 - eta[3] * d_gamma1);
  to.gamma2 = static_cast<float>(from.gamma2 - eta[4] * d_gamma2);
  to.steps = from.steps + 1;
}

InnerLoopResult InnerLoop::run(const Labels& labels, const Support& support, bool keep_lowest,
                               Head<float>& head, float* losses, float* logits) {
  const int64_t T = support.steps;
  prepare(labels, support);
  State *current = &states[0], *best = current;
  float lowest = std::numeric_limits<float>::infinity(), conditioning_before = 0;
  std::fill_n(losses, T + 1, lowest);

  for (int64_t step = 0; step <= T; ++step) {
    evaluate(*current, step == T);
    const float loss =
        static_cast<float>(kernels.cross_entropy(current->logits, targets, shares, S, n_row, e));
    losses[step] = loss;
    if (step == 0) conditioning_before = current->conditioning;
    if (!(std::abs(loss) < std::numeric_limits<float>::infinity())) {
      if (keep_lowest && step > 0) break;
      check_result(losses, step + 1, "losses");
    }
    if (!keep_lowest || loss <= lowest) {
      lowest = loss;
      best = current;
    }
    if (step == T) break;
    State& next = keep_lowest && current == best ? states[current == &states[0]] : *current;
    take_step(labels, support.step_sizes + step * DESIRE_EDGE_STEP_COLUMNS, *current, next);
    current = &next;
  }

  const float conditioning[2] = {conditioning_before, best->conditioning};
  check_result(conditioning, 2, "conditioning");
  write_head(labels, *best, head);
  check_head(*best, head);
  for (int64_t i = 0; logits != nullptr && i < S; ++i) {
    std::copy_n(best->logits + i * n_row, N, logits + i * N);
  }
  return {best->steps, {conditioning[0], conditioning[1]}};
}

Form cheapest_form(const PackedModel& model, int64_t examples, int64_t steps) {
  const auto S = static_cast<double>(examples), T = static_cast<double>(steps);
  const auto size = static_cast<double>(model.h + 1), d = static_cast<double>(model.d);
  // Multiply-adds that the forms differ in. Reading, mirroring and writing Q takes as long as some 4 an
  // element.
  const double q_update = S * size * size;
  const double common = S * size * size * (T + 1) + 1.5 * T * S * S * size;  // T, F F^T / 2 and (dF dF^T) H~
  const double pairs =
      common + T * q_update + 2 * T * (T + 1) * S * S * size;  // products with all earlier pairs
  const double gram = common + T * q_update + 4 * T * size * size;
  const double weights = S * size * d * (3 * T + 1) + size * size * d / 2;  // F, dF W2~^T, W2~; Q at the end
  if (pairs <= gram && examples * steps <= model.h) return Form::pairs;
  return gram <= weights ? Form::gram : Form::weights;
}

size_t inner_loop_bytes(const PackedModel& model, int64_t S, int64_t N, int64_t T, Form form) {
  Arena counting;
  InnerLoop(model, S, N, T, form, counting);
  return counting.bytes();
}

size_t inner_loop_bytes(const PackedModel& model, int64_t S, int64_t N, int64_t T) {
  // Where pairs is the cheapest form, it is so for fewer examples and steps too, and takes less than gram
  // elsewhere.
  if (cheapest_form(model, S, T) == Form::pairs) return inner_loop_bytes(model, S, N, T, Form::pairs);
  return std::max(inner_loop_bytes(model, S, N, T, Form::gram),
                  inner_loop_bytes(model, S, N, T, Form::weights));
}

InnerLoopResult run_inner_loop(const PackedModel& model, const Labels& labels, const Support& support,
                               Form form, bool keep_lowest, Arena& arena, Head<float>& head, float* losses,
                               float* logits) {
  InnerLoop loop(model, support.examples, labels.count, support.steps, form, arena);
  return loop.run(labels, support, keep_lowest, head, losses, logits);
}

}  // namespace desire_edge
