// The head `prior` in double throughout, see reference.h.
#include <algorithm>
#include <numeric>

#include "layers.h"
#include "loss.h"
#include "prior.h"
#include "reference.h"

namespace desire_edge::reference {
namespace {

using Doubles = Matrix<double>;

// unit(unit(w_novel) - name_mean), a row a label.
Doubles names_of(View<double> w_novel, const double* name_mean) {
  Doubles rows = unit_rows(transposed(w_novel)).rows;
  for (int64_t n = 0; n < rows.rows(); ++n) {
    for (int64_t i = 0; i < rows.cols(); ++i) rows(n, i) -= name_mean[i];
  }
  return unit_rows(rows).rows;
}

Doubles base_scores(View<double> z, View<double> r, const double* known_labels) {
  Doubles scores = multiply(z, r);
  for (int64_t i = 0; known_labels != nullptr && i < scores.rows(); ++i) {
    const double* told = known_labels + i * scores.cols();
    if (std::any_of(told, told + scores.cols(), [](double value) { return value != 0; })) {
      std::copy_n(told, scores.cols(), scores.row(i));
    }
  }
  return unit_rows(scores).rows;
}

double loss(const Trust& trust, const Doubles& f, View<double> targets, View<double> mask) {
  Doubles logits(targets.rows(), targets.cols());
  for (int64_t i = 0; i < logits.rows(); ++i) {
    for (int64_t n = 0; n < logits.cols(); ++n) logits(i, n) = trust.temperature * f(n, i) + trust.shift;
  }
  return masked_cross_entropy<double>(logits, targets, mask).value;
}

}  // namespace

void adapt_prior(const desire_edge_prior_sizes& sizes, const PriorArrays& model, const PriorTask& task,
                 const PriorHead& head) {
  const int64_t d = sizes.dimension, d_w = sizes.name_dimension, k = sizes.scores;
  const int64_t S = task.examples, N = task.labels;
  const Kernels& kernels = chosen_kernels();
  const View<double> z(task.z, S, d), targets(task.targets, S, N), mask(task.mask, S, N);
  const Trust trust = trust_in(model.scalars, std::accumulate(task.mask, task.mask + S * N, 0.0), N);
  const Doubles names = names_of({task.w_novel, d_w, N}, model.name_mean);
  const Doubles mapped = model.name_map == nullptr
                             ? names
                             : multiply<double>(names, transposed<double>({model.name_map, d, d_w}));
  const Doubles inferred = multiply<double>(names, transposed<double>({model.inference, k, d_w}));
  const Doubles u = base_scores(z, {model.r, d, k}, task.known_labels);

  const int64_t panel = kernels.dual_panel, row = padded(S, panel);
  Doubles prior(N, row), target_rows(N, row), weights(N, row), alpha(N, row), f(N, row), kernel(S, row);
  const Doubles by_z = multiply<double>(mapped, transposed(z)),
                by_u = multiply<double>(inferred, transposed<double>(u)),
                z_z = multiply<double>(z, transposed(z)), u_u = multiply<double>(u, transposed<double>(u));
  for (int64_t i = 0; i < S; ++i) {
    for (int64_t n = 0; n < N; ++n)
      prior(n, i) = trust.names * by_z(n, i) + trust.base * by_u(n, i) + trust.bias;
    for (int64_t j = 0; j < S; ++j) {
      kernel.row(0)[(j / panel * S + i) * panel + j % panel] =
          trust.examples * z_z(i, j) + trust.neighbours * u_u(i, j);
    }
  }
  std::vector<double> bias_variances(static_cast<size_t>(N)),
      room(static_cast<size_t>(DualRoom::size(N, row)));
  lay_out_targets(S, N, row, task.targets, task.mask, trust, target_rows.row(0), weights.row(0),
                  bias_variances.data(), room.data());
  kernels.solve_dual({S, N, row, kernel.row(0), prior.row(0), target_rows.row(0), weights.row(0),
                      bias_variances.data(), kOuterSteps, dual_steps(S), alpha.row(0), f.row(0),
                      room.data()});

  Doubles of_examples(N, S);
  for (int64_t n = 0; n < N; ++n) {
    std::copy_n(alpha.row(n), S, of_examples.row(n));
    const double bias =
        bias_variances[static_cast<size_t>(n)] * std::accumulate(alpha.row(n), alpha.row(n) + S, 0.0) +
        trust.bias;
    head.b[n] = trust.temperature * bias + trust.shift;
  }
  const Doubles l = multiply<double>(of_examples, z), m = multiply<double>(of_examples, u);
  for (int64_t n = 0; n < N; ++n) {
    for (int64_t i = 0; i < d; ++i) {
      head.l[i * N + n] = trust.temperature * (trust.examples * l(n, i) + trust.names * mapped(n, i));
    }
    for (int64_t i = 0; i < k; ++i) {
      head.m[i * N + n] = trust.temperature * (trust.neighbours * m(n, i) + trust.base * inferred(n, i));
    }
    for (int64_t i = 0; i < S; ++i) head.logits[i * N + n] = trust.temperature * f(n, i) + trust.shift;
  }
  head.losses[0] = loss(trust, prior, targets, mask);
  head.losses[1] = loss(trust, f, targets, mask);
  check_result(head.l, d * N, "l");
  check_result(head.m, k * N, "m");
  check_result(head.b, N, "b");
  check_result(head.logits, S * N, "logits");
}

}  // namespace desire_edge::reference
