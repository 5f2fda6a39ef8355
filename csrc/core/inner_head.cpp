// The adapted model's folded head: the changes of the inner loop's steps put into its arrays.
#include <algorithm>
#include <limits>

#include "check.h"
#include "inner_state.h"

namespace desire_edge {

void InnerLoop::write_q(const State& state, float* q) {
  const int64_t size = model.h + 1, pairs = 2 * S * state.steps;
  if (form == Form::weights) {
    kernels.dots(state.wide, d_row, size, state.wide, d_row, size, d_row, true, q, size);
  } else {
    const bool made = form == Form::gram || pairs == 0;
    const Product change = {left_pairs, 1, h_row, factor(right_pairs, h_row), pairs, nullptr};
    kernels.add_products({gram_grid(form == Form::gram ? state.wide : model.q0.data),
                          {q, size, panel},
                          size,
                          size,
                          !made,
                          false},
                         &change, made ? 0 : 1);
  }
}

void InnerLoop::write_head(const Labels& labels, const State& state, Head<float>& head) {
  const int64_t h = model.h;
  add({model.w1.grid(), {head.w1, h, panel}, model.d, h, false, false},
      {z, 1, d_row, factor(state.c, h_row), S, nullptr});
  for (int64_t j = 0; j < h; ++j) {
    float sum = model.b1_tilde[j];
    for (int64_t i = 0; i < S; ++i) sum += state.c[i * h_row + j];
    head.b1[j] = sum;
  }
  copy_transposed(state.v, h_row, N, h + 1, head.v, N);

  // For m = w_base w_i w_novel: w_base (z w_base / rho)^T = r^T (z r^T / rho)^T.
  float *change = m_change, *m = m_change + N * m_row;
  const Product by_base = {state.a_change, 1, n_row, factor(base, m_row), S, nullptr};
  if (model.takes_scores) {
    add(sum(labels.m, m, N, m_row), by_base);
  } else {
    add(sum(nullptr, change, N, m_row), by_base);
    add(sum(labels.m, m, N, m_row), model.r.product(change, m_row));
  }
  copy_transposed(m, m_row, N, model.width, head.m, N);
  write_q(state, head.q);
  head.gamma1 = state.gamma1;
  head.gamma2 = state.gamma2;
}

// Every element of the head is finite. Of the large arrays a bound is looked at first: reading them takes
// longer.
void InnerLoop::check_head(const State& state, const Head<float>& head) const {
  const auto largest = [&](const float* data, int64_t count) {
    return static_cast<double>(kernels.largest_magnitude(data, count));
  };
  const auto check = [&](double bound, const float* data, int64_t count, const char* name) {
    constexpr double limit = std::numeric_limits<float>::max() / 2;
    if (!(bound < limit) && !(largest(data, count) < std::numeric_limits<double>::infinity())) {
      check_result(data, count, name);
    }
  };
  constexpr double unknown = std::numeric_limits<double>::infinity();
  const int64_t size = model.h + 1, pairs = 2 * S * state.steps;
  const double w1_bound = model.largest_w1 + static_cast<double>(S) * std::max(1.0, largest(z, S * d_row)) *
                                                 largest(state.c, S * h_row);
  const double q_bound = form == Form::pairs ? model.largest_q0 + static_cast<double>(pairs) *
                                                                      largest(left_pairs, pairs * h_row) *
                                                                      largest(right_pairs, pairs * h_row)
                                             : unknown;
  check(w1_bound, head.w1, model.d * model.h, "w1");
  check(w1_bound, head.b1, model.h, "b1");
  check(unknown, head.v, size * N, "v");
  check(q_bound, head.q, size * size, "q");
  check(unknown, head.m, model.width * N, "m");
  check(unknown, &head.gamma1, 1, "gamma1");
  check(unknown, &head.gamma2, 1, "gamma2");
}

}  // namespace desire_edge
