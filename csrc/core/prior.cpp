#include "prior.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "guard.h"
#include "handles.h"
#include "layers.h"

namespace desire_edge {

Trust trust_in(const double* scalars, double known, int64_t labels) {
  const double count = static_cast<double>(labels);
  const double examples = std::log(std::max(known / count, 1.0) / 25), ways = std::log(count / 5);
  const auto factor = [&](int i) {
    const double* of = scalars + 3 * i;
    return std::exp(of[0] + of[1] * examples + of[2] * ways);
  };
  const double* rest = scalars + 15;
  return {factor(0),
          factor(1),
          factor(2),
          factor(3),
          factor(4),
          std::exp(rest[0]),
          rest[1] + rest[2] * std::log(count),
          rest[3] + rest[4] * ways,
          rest[5]};
}

// What is not known of a target counts as negative by so much at most.
constexpr double kMostAssumed = 0.5;

template <class T>
void lay_out_targets(int64_t S, int64_t N, int64_t row, const T* targets, const T* mask, const Trust& trust,
                     double* target_rows, double* weights, double* bias_variances, double* there) {
  for (int64_t i = 0; i < S; ++i) {
    const T* row_mask = mask + i * N;
    there[i] = std::any_of(row_mask, row_mask + N, [](T known) { return known != 0; }) ? 1 : 0;
  }
  for (int64_t n = 0; n < N; ++n) {
    double positives = 0, negatives = 0, unknown = 0;
    for (int64_t i = 0; i < S; ++i) {
      const double known = mask[i * N + n], target = known == 0 ? 0 : targets[i * N + n];
      positives += known * target;
      negatives += known * (1 - target);
      if (known == 0) unknown += there[i];
    }
    bias_variances[n] = trust.bias_variance * (positives > 0 ? 1 : 0.1);
    // By the bias a label has so many negatives a positive; what is not known makes up for those that are missing.
    const double missing = positives * std::exp(-trust.bias) - negatives;
    const double share = std::clamp(missing / std::max(unknown, 1.0), 0.0, kMostAssumed);
    negatives += share * unknown;
    const auto balanced = [&](double kind) {
      return std::pow((positives + negatives) / (2 * std::max(kind, 0.5)), trust.balance);
    };
    const double of_positive = balanced(positives), of_negative = balanced(negatives);
    double *target_row = target_rows + n * row, *weight_row = weights + n * row;
    for (int64_t i = 0; i < S; ++i) {
      const double known = mask[i * N + n], target = known == 0 ? 0 : targets[i * N + n];
      const double counted = known == 0 ? share * there[i] : known;
      target_row[i] = target;
      weight_row[i] = counted == 0 ? 0 : counted * (target > 0 ? of_positive : of_negative);
    }
    std::fill(target_row + S, target_row + row, 0.0);
    std::fill(weight_row + S, weight_row + row, 0.0);
  }
}

template void lay_out_targets(int64_t, int64_t, int64_t, const float*, const float*, const Trust&, double*,
                              double*, double*, double*);
template void lay_out_targets(int64_t, int64_t, int64_t, const double*, const double*, const Trust&, double*,
                              double*, double*, double*);

int dual_steps(int64_t examples) { return examples <= 128 ? 18 : 48; }

PriorModel::PriorModel(const desire_edge_prior_sizes& sizes, const desire_edge_prior_f32& arrays,
                       const Kernels& chosen)
    : kernels(chosen),
      d(sizes.dimension),
      name_dimension(sizes.name_dimension),
      k(sizes.scores),
      uses_known_labels(sizes.uses_known_labels != 0),
      has_name_map(arrays.name_map != nullptr),
      name_mean(arrays.name_mean, arrays.name_mean + sizes.name_dimension),
      block_(bytes_needed()) {
  Arena arena(block_.data());
  lay_out(arena);
  std::copy_n(arrays.scalars, DESIRE_EDGE_PRIOR_SCALARS, scalars.data());
  std::copy_n(arrays.threshold_weights, DESIRE_EDGE_THRESHOLD_WEIGHTS, threshold_weights.data());
  if (has_name_map) pack({arrays.name_map, 1, name_dimension}, d, name_map);
  pack({arrays.inference, 1, name_dimension}, k, inference);
  pack({arrays.r, k, 1}, k, r);
}

size_t PriorModel::bytes_needed() {
  Arena counting;
  lay_out(counting);
  return counting.bytes();
}

void PriorModel::lay_out(Arena& arena) {
  const int64_t panel = kernels.panel;
  name_map = take_packed(arena, panel, has_name_map ? name_dimension : 0, has_name_map ? d : 0);
  inference = take_packed(arena, panel, name_dimension, k);
  r = take_packed(arena, panel, d, k);
}

namespace {

// One task. Rows of labels and of examples are padded to whole panels, with zeros.
class Lesson {
 public:
  // Takes its arrays from the arena; run() needs one that has a block.
  Lesson(const PriorModel& model, const LearnInput& input, Arena& arena);

  void run(Learned& learned);

 private:
  void read_names();
  void read_examples();
  void solve();
  void write(Learned& learned) const;
  void write_term(const float* before, double trust, const float* rows, double examples, int64_t columns,
                  int64_t row, float* out) const;
  float loss_of(const double* f) const;
  void times(const Packed& factor, const float* rows, int64_t row, int64_t count, float* out,
             int64_t out_row) const {
    const Product product = factor.product(rows, row);
    kernels_.add_products({{nullptr, 0, 0}, {out, out_row, panel_}, count, out_row, false, false}, &product,
                          1);
  }

  const PriorModel& model_;
  const Kernels& kernels_;
  const LearnInput& input_;
  const int64_t S_, N_, panel_;
  const int64_t d_row_, k_row_, s_row_, w_row_;  // d, k, S and d_w, padded
  const int64_t row_;                            // S, padded for the solver
  double known_;                                 // the sum of the mask
  Trust trust_;

  double* name_;     // [d_w], one label's
  float* names_;     // w^T, [N, w_row]
  float* mapped_;    // (name_map w)^T, [N, d_row]
  float* inferred_;  // (inference w)^T, [N, k_row]
  float* z_;         // [S, d_row]
  float* u_;         // [S, k_row]
  float* by_z_;      // z z^T, then logits, [max(S, N), s_row]
  float* by_u_;      // u u^T, [max(S, N), s_row]
  double *kernel_, *prior_, *targets_, *weights_, *bias_variances_, *alpha_, *f_, *room_;
  // For the loss and what examples add, [N, s_row].
  float *target_rows_, *shares_, *logit_rows_, *gradient_;
  float *term_, *sum_;  // [N, max(d_row, k_row)]
};

Lesson::Lesson(const PriorModel& model, const LearnInput& input, Arena& arena)
    : model_(model),
      kernels_(model.kernels),
      input_(input),
      S_(input.examples),
      N_(input.labels),
      panel_(kernels_.panel),
      d_row_(padded(model.d, panel_)),
      k_row_(padded(model.k, panel_)),
      s_row_(padded(S_, panel_)),
      w_row_(padded(model.name_dimension, panel_)),
      row_(padded(S_, kernels_.dual_panel)),
      known_(std::accumulate(input.mask, input.mask + S_ * N_, 0.0)),
      trust_(trust_in(model.scalars.data(), known_, N_)) {
  const int64_t most = std::max(S_, N_);
  name_ = arena.take<double>(model.name_dimension);
  names_ = arena.take<float>(N_ * w_row_);
  mapped_ = model.has_name_map ? arena.take<float>(N_ * d_row_) : names_;
  inferred_ = arena.take<float>(N_ * k_row_);
  z_ = arena.take<float>(S_ * d_row_);
  u_ = arena.take<float>(S_ * k_row_);
  by_z_ = arena.take<float>(most * s_row_);
  by_u_ = arena.take<float>(most * s_row_);
  kernel_ = arena.take<double>(S_ * row_);
  prior_ = arena.take<double>(N_ * row_);
  targets_ = arena.take<double>(N_ * row_);
  weights_ = arena.take<double>(N_ * row_);
  bias_variances_ = arena.take<double>(N_);
  alpha_ = arena.take<double>(N_ * row_);
  f_ = arena.take<double>(N_ * row_);
  room_ = arena.take<double>(DualRoom::size(N_, row_));
  target_rows_ = arena.zeros(N_ * s_row_);
  shares_ = arena.zeros(N_ * s_row_);
  logit_rows_ = arena.zeros(N_ * s_row_);
  gradient_ = arena.take<float>(N_ * s_row_);
  term_ = arena.take<float>(N_ * std::max(d_row_, k_row_));
  sum_ = arena.take<float>(N_ * std::max(d_row_, k_row_));
}

// w = unit(unit(w_novel) - name_mean), and what the model makes of it.
void Lesson::read_names() {
  const int64_t size = model_.name_dimension;
  const auto scale = [&] { return 1 / smooth_norm(dot(name_, name_, size)); };
  for (int64_t n = 0; n < N_; ++n) {
    for (int64_t i = 0; i < size; ++i) name_[i] = input_.w_novel[i * N_ + n];
    const double first = scale();
    for (int64_t i = 0; i < size; ++i) name_[i] = name_[i] * first - model_.name_mean[i];
    const double second = scale();
    float* row = names_ + n * w_row_;
    for (int64_t i = 0; i < size; ++i) row[i] = static_cast<float>(name_[i] * second);
    std::fill(row + size, row + w_row_, 0.0F);
  }
  if (model_.has_name_map) times(model_.name_map, names_, w_row_, N_, mapped_, d_row_);
  times(model_.inference, names_, w_row_, N_, inferred_, k_row_);
}

// z, and u: the known labels of an example that has any, else z r, over their norm.
void Lesson::read_examples() {
  const int64_t k = model_.k;
  copy_padded(input_.z, S_, model_.d, z_, d_row_);
  times(model_.r, z_, d_row_, S_, u_, k_row_);
  for (int64_t i = 0; i < S_; ++i) {
    float* row = u_ + i * k_row_;
    if (input_.known_labels != nullptr) {
      const float* told = input_.known_labels + i * k;
      if (std::any_of(told, told + k, [](float value) { return value != 0; })) std::copy_n(told, k, row);
    }
    double sums[4] = {};  // k_row is a multiple of four
    for (int64_t j = 0; j < k_row_; j += 4) {
      for (int part = 0; part < 4; ++part) sums[part] += static_cast<double>(row[j + part]) * row[j + part];
    }
    const double scale = 1 / smooth_norm((sums[0] + sums[1]) + (sums[2] + sums[3]));
    for (int64_t j = 0; j < k_row_; ++j) row[j] = static_cast<float>(row[j] * scale);
  }
}

// What is believed before the examples, and alpha, what they add. The products are taken in float, but summed
// and solved in double.
void Lesson::solve() {
  kernels_.dots(mapped_, d_row_, N_, z_, d_row_, S_, d_row_, false, by_z_, s_row_);
  kernels_.dots(inferred_, k_row_, N_, u_, k_row_, S_, k_row_, false, by_u_, s_row_);
  for (int64_t n = 0; n < N_; ++n) {
    const float *of_z = by_z_ + n * s_row_, *of_u = by_u_ + n * s_row_;
    double* row = prior_ + n * row_;
    for (int64_t i = 0; i < S_; ++i) row[i] = trust_.names * of_z[i] + trust_.base * of_u[i] + trust_.bias;
    std::fill(row + S_, row + row_, 0.0);
  }

  kernels_.dots(z_, d_row_, S_, z_, d_row_, S_, d_row_, true, by_z_, s_row_);
  kernels_.dots(u_, k_row_, S_, u_, k_row_, S_, k_row_, true, by_u_, s_row_);
  double* target = kernel_;
  for (int64_t first = 0; first < row_; first += kernels_.dual_panel) {
    const int64_t count = std::min(kernels_.dual_panel, S_ - first);
    for (int64_t i = 0; i < S_; ++i, target += kernels_.dual_panel) {
      const float *of_z = by_z_ + i * s_row_ + first, *of_u = by_u_ + i * s_row_ + first;
      for (int64_t j = 0; j < count; ++j) {
        target[j] = trust_.examples * of_z[j] + trust_.neighbours * of_u[j];
      }
      std::fill(target + count, target + kernels_.dual_panel, 0.0);
    }
  }
  lay_out_targets(S_, N_, row_, input_.targets, input_.mask, trust_, targets_, weights_, bias_variances_,
                  room_);
  kernels_.solve_dual({S_, N_, row_, kernel_, prior_, targets_, weights_, bias_variances_,
                       known_ > 0 ? kOuterSteps : 0, dual_steps(S_), alpha_, f_, room_});
}

// out [columns, ways] = temperature (trust before + examples rows^T alpha), before [N, row], rows [S, row].
void Lesson::write_term(const float* before, double trust, const float* rows, double examples,
                        int64_t columns, int64_t row, float* out) const {
  float* alpha = gradient_;
  for (int64_t n = 0; n < N_; ++n) {
    for (int64_t i = 0; i < S_; ++i) {
      alpha[n * s_row_ + i] = static_cast<float>(trust_.temperature * examples * alpha_[n * row_ + i]);
    }
  }
  const double scale = trust_.temperature * trust;
  for (int64_t i = 0; i < N_ * row; ++i) term_[i] = static_cast<float>(scale * before[i]);
  const Product product = {alpha, s_row_, 1, {rows, row, panel_}, S_, nullptr};
  kernels_.add_products({{term_, row, panel_}, {sum_, row, panel_}, N_, row, false, false}, &product, 1);
  if (input_.ways > N_) std::fill_n(out, columns * input_.ways, 0.0F);
  copy_transposed(sum_, row, N_, columns, out, input_.ways);
}

// The mean over known targets of the cross-entropy of temperature f + shift.
float Lesson::loss_of(const double* f) const {
  for (int64_t n = 0; n < N_; ++n) {
    for (int64_t i = 0; i < S_; ++i) {
      logit_rows_[n * s_row_ + i] = static_cast<float>(trust_.temperature * f[n * row_ + i] + trust_.shift);
    }
  }
  return static_cast<float>(
      kernels_.cross_entropy(logit_rows_, target_rows_, shares_, N_, s_row_, gradient_));
}

void Lesson::write(Learned& learned) const {
  const int64_t ways = input_.ways;
  write_term(mapped_, trust_.names, z_, trust_.examples, model_.d, d_row_, learned.l);
  write_term(inferred_, trust_.base, u_, trust_.neighbours, model_.k, k_row_, learned.m);
  std::fill_n(learned.b, ways, 0.0F);
  for (int64_t n = 0; n < N_; ++n) {
    const double* alpha = alpha_ + n * row_;
    const double bias = bias_variances_[n] * std::accumulate(alpha, alpha + S_, 0.0) + trust_.bias;
    learned.b[n] = static_cast<float>(trust_.temperature * bias + trust_.shift);
  }
  std::fill_n(learned.losses, 2, 0.0F);
  if (known_ > 0) {
    for (int64_t n = 0; n < N_; ++n) {
      for (int64_t i = 0; i < S_; ++i) {
        target_rows_[n * s_row_ + i] = input_.targets[i * N_ + n];
        shares_[n * s_row_ + i] = static_cast<float>(input_.mask[i * N_ + n] / known_);
      }
    }
    learned.losses[0] = loss_of(prior_);
    learned.losses[1] = loss_of(f_);
  }
  for (int64_t i = 0; i < S_; ++i) {
    for (int64_t n = 0; n < N_; ++n) {
      learned.logits[i * N_ + n] = static_cast<float>(trust_.temperature * f_[n * row_ + i] + trust_.shift);
      if (learned.alpha != nullptr) learned.alpha[i * N_ + n] = static_cast<float>(alpha_[n * row_ + i]);
    }
  }
  learned.steps = known_ > 0 ? 1 : 0;
  learned.conditioning = 0;
}

void Lesson::run(Learned& learned) {
  read_names();
  read_examples();
  solve();
  write(learned);
  check_result(learned.l, model_.d * input_.ways, "l");
  check_result(learned.m, model_.k * input_.ways, "m");
  check_result(learned.b, input_.ways, "b");
  check_result(learned.losses, 2, "losses");
  check_result(learned.logits, S_ * N_, "logits");
}

}  // namespace

void learn(const PriorModel& model, const LearnInput& input, Learned& learned) {
  check_input({model.d, model.name_dimension, model.uses_known_labels ? model.k : 0}, input);
  check_pointer(learned.l, model.d * input.ways, "learned.l");
  check_pointer(learned.m, model.k * input.ways, "learned.m");
  check_pointer(learned.b, input.ways, "learned.b");
  check_output(input, learned);
  Arena counting;
  Lesson(model, input, counting);
  const Block block(counting.bytes());
  Arena arena(block.data());
  Lesson(model, input, arena).run(learned);
  finish_learning(input, model.threshold_weights.data(), learned);
}

}  // namespace desire_edge

using namespace desire_edge;

desire_edge_status desire_edge_prior_create(const desire_edge_prior_sizes* sizes,
                                            const desire_edge_prior_f32* arrays, desire_edge_model** model,
                                            char* error, size_t error_capacity) {
  if (model != nullptr) *model = nullptr;
  return guarded(error, error_capacity, [&] {
    check_pointer(sizes, 1, "sizes");
    const int64_t d = sizes->dimension, names = sizes->name_dimension, k = sizes->scores;
    check_size(d, 1, "sizes.dimension");
    check_size(names, 1, "sizes.name_dimension");
    check_size(k, 1, "sizes.scores");
    check_pointer(arrays, 1, "arrays");
    check_vector(arrays->name_mean, names, "name_mean");
    if (arrays->name_map != nullptr) {
      check_matrix(arrays->name_map, d, names, "name_map");
    } else if (d != names) {
      refuse("name_map is NULL, but sizes.name_dimension is " + std::to_string(names) +
             " and sizes.dimension " + std::to_string(d));
    }
    check_matrix(arrays->r, d, k, "r");
    check_matrix(arrays->inference, k, names, "inference");
    check_vector(arrays->scalars, DESIRE_EDGE_PRIOR_SCALARS, "scalars");
    check_vector(arrays->threshold_weights, DESIRE_EDGE_THRESHOLD_WEIGHTS, "threshold_weights");
    check_pointer(model, 1, "model");
    *model = new desire_edge_model{nullptr, std::make_unique<PriorModel>(*sizes, *arrays, chosen_kernels())};
  });
}
