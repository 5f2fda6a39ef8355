// The policy of adapting by SGD: which steps count, how many of them are kept, in which precision, and what
// head.onnx takes of the result.
#include "learn.h"

#include <algorithm>
#include <vector>

#include "guard.h"
#include "handles.h"
#include "head.h"
#include "layers.h"
#include "lowrank.h"
#include "thresholds.h"

namespace desire_edge {
namespace {

void check_known_labels(const float* known_labels, int64_t S, int64_t B) {
  for (int64_t i = 0; i < S * B; ++i) {
    if (known_labels[i] == 0 || known_labels[i] == 1) continue;
    refuse(element("known_labels", i / B, i % B) + " is " + std::to_string(known_labels[i]) +
           ", expected 0 or 1");
  }
}

}  // namespace

void check_input(const LearnSizes& sizes, const LearnInput& input) {
  const int64_t S = input.examples, N = input.labels;
  check_size(S, 0, "input.examples");
  check_size(N, 1, "input.labels");
  check_size(input.ways, N, "input.ways");
  check_matrix(input.z, S, sizes.dimension, "z");
  check_range(input.targets, S, N, 0.0F, 1.0F, "targets", "0 to 1");
  check_range(input.mask, S, N, 0.0F, 1.0F, "mask", "0 to 1");
  check_matrix(input.w_novel, sizes.name_dimension, N, "w_novel");
  if (input.known_labels == nullptr) return;
  if (sizes.known_labels == 0) refuse("known_labels are given, but the model does not use them");
  check_known_labels(input.known_labels, S, sizes.known_labels);
}

void check_output(const LearnInput& input, const Learned& learned) {
  check_pointer(learned.used, input.ways, "learned.used");
  check_pointer(learned.losses, 1, "learned.losses");
  check_pointer(learned.logits, input.examples * input.labels, "learned.logits");
  check_pointer(learned.thresholds, input.labels, "learned.thresholds");
}

void finish_learning(const LearnInput& input, const float* threshold_weights, Learned& learned) {
  std::fill_n(learned.used, input.labels, 1.0F);
  std::fill(learned.used + input.labels, learned.used + input.ways, 0.0F);
  make_thresholds(input.examples, input.labels, learned.logits, input.targets, input.mask, threshold_weights,
                  learned.thresholds);
}

namespace {

void check_head(const PackedModel& model, const LearnInput& input, const Learned& learned) {
  const int64_t size = model.h + 1, ways = input.ways;
  check_pointer(learned.w1, model.d * size, "learned.w1");
  check_pointer(learned.b1, size, "learned.b1");
  check_pointer(learned.v, size * ways, "learned.v");
  check_pointer(learned.q, size * size, "learned.q");
  check_pointer(learned.m, model.width * ways, "learned.m");
}

// The step sizes for the loss's mean, none where no target is known: those of the model are for its sum over
// the labels that have a known target.
std::vector<float> step_sizes_for_mean(const Rules& rules, const LearnInput& input) {
  int64_t known = 0;
  for (int64_t j = 0; j < input.labels; ++j) {
    for (int64_t i = 0; i < input.examples; ++i) {
      if (input.mask[i * input.labels + j] == 0) continue;
      ++known;
      break;
    }
  }
  if (known == 0) return {};
  std::vector<float> result = rules.step_sizes;
  for (float& size : result) size *= static_cast<float>(known);
  const auto steps = static_cast<int64_t>(result.size()) / DESIRE_EDGE_STEP_COLUMNS;
  check_matrix(result.data(), steps, DESIRE_EDGE_STEP_COLUMNS, "step_sizes");
  return result;
}

// What stands for z w_base / ||z w_base||, [S, B]: an example's known labels, or z w_base where it has none,
// over their norm.
std::vector<double> base_scores(const PackedModel& model, const Rules& rules, const LearnInput& input) {
  const int64_t S = input.examples, B = model.width;
  std::vector<double> result(static_cast<size_t>(S * B));
  for (int64_t s = 0; s < S; ++s) {
    double* row = result.data() + s * B;
    if (input.known_labels != nullptr) std::copy_n(input.known_labels + s * B, B, row);
    if (std::all_of(row, row + B, [](double value) { return value == 0; })) {
      for (int64_t i = 0; i < model.d; ++i) {
        const double feature = input.z[s * model.d + i];
        const float* words = rules.w_base.data() + i * B;
        for (int64_t k = 0; k < B; ++k) row[k] += feature * words[k];
      }
    }
    const double norm = smooth_norm(dot(row, row, B));
    for (int64_t k = 0; k < B; ++k) row[k] /= norm;
  }
  return result;
}

// The model's arrays in double, for the low-rank form.
class ModelInDouble {
 public:
  explicit ModelInDouble(const PackedModel& packed)
      : w1_(unpacked(packed.w1, packed.h)),
        b1_(packed.b1_tilde, packed.b1_tilde + packed.h),
        p_or_w_i_(unpacked(packed.m_columns, packed.width, true)),
        r_(unpacked(packed.r, packed.r.columns)),
        q0_(unpacked(packed.q0, packed.h + 1)) {
    for (int64_t i = 0; i <= packed.h; ++i) {
      const float* row = packed.w2 + i * packed.d_row;
      w2_tilde_.insert(w2_tilde_.end(), row, row + packed.d);
    }
    arrays.w1 = w1_.data();
    arrays.b1 = b1_.data();
    arrays.w2 = w2_tilde_.data();
    arrays.b2 = w2_tilde_.data() + packed.h * packed.d;
    arrays.gamma1 = packed.gamma1;
    arrays.gamma2 = packed.gamma2;
    (packed.takes_scores ? arrays.w_i : arrays.p) = p_or_w_i_.data();
    arrays.r = packed.takes_scores ? nullptr : r_.data();
    arrays.q0 = q0_.data();
  }
  ModelInDouble(const ModelInDouble&) = delete;
  ModelInDouble& operator=(const ModelInDouble&) = delete;

  LowrankModel<double> arrays{};

 private:
  std::vector<double> w1_, b1_, w2_tilde_, p_or_w_i_, r_, q0_;
};

std::vector<double> doubles(const float* data, int64_t count) {
  return std::vector<double>(data, data + count);
}

// What adapting leaves beside a folded head, which lies at the beginning of the arrays of the task's weights.
struct Adapted {
  float gamma1, gamma2;
  int64_t steps;
};

class Learner {
 public:
  Learner(const PackedModel& model, const Rules& rules, const LearnInput& input, Learned& learned)
      : model_(model),
        input_(input),
        learned_(learned),
        step_sizes_(step_sizes_for_mean(rules, input)),
        scores_(model.takes_scores ? base_scores(model, rules, input) : std::vector<double>()) {}

  Adapted adapt() {
    const int64_t steps = static_cast<int64_t>(step_sizes_.size()) / DESIRE_EDGE_STEP_COLUMNS;
    const Adapted single = in_single(steps);
    return learned_.conditioning > DESIRE_EDGE_MAX_CONDITIONING ? in_double(single.steps) : single;
  }

 private:
  // The result of attempt(steps) for as many of the steps as stay finite: half of them, until they do.
  template <class Attempt>
  static Adapted finite(int64_t steps, Attempt attempt) {
    for (;; steps /= 2) {
      try {
        return attempt(steps);
      } catch (const Failure& failure) {
        if (failure.status() != DESIRE_EDGE_DIVERGED || steps == 0) throw;
      }
    }
  }

  Adapted in_single(int64_t most_steps) {
    const int64_t S = input_.examples, N = input_.labels;
    const std::vector<float> scores(scores_.begin(), scores_.end());
    const Block labels_block(labels_bytes(model_, N));
    Arena labels_arena(labels_block.data());
    const Labels labels(model_, N, input_.w_novel, labels_arena);
    return finite(most_steps, [&](int64_t steps) {
      const Support support{
          S, steps, input_.z, input_.targets, input_.mask, step_sizes_.data(), scores.data()};
      const Form form = cheapest_form(model_, S, steps);
      const Block block(inner_loop_bytes(model_, S, N, steps, form));
      Arena arena(block.data());
      Head<float> head{learned_.w1, learned_.b1, learned_.v, learned_.q, learned_.m, 0, 0};
      const InnerLoopResult result =
          run_inner_loop(model_, labels, support, form, true, arena, head, learned_.losses, learned_.logits);
      learned_.conditioning = std::max(result.conditioning[0], result.conditioning[1]);
      return Adapted{head.gamma1, head.gamma2, result.steps};
    });
  }

  Adapted in_double(int64_t most_steps) {
    const int64_t S = input_.examples, N = input_.labels, d = model_.d, h = model_.h;
    const ModelInDouble model(model_);
    const std::vector<double> z = doubles(input_.z, S * d), targets = doubles(input_.targets, S * N),
                              mask = doubles(input_.mask, S * N), w_novel = doubles(input_.w_novel, d * N),
                              step_sizes(step_sizes_.begin(), step_sizes_.end());
    const Task<double> task{z.data(),       targets.data(),    mask.data(),
                            w_novel.data(), step_sizes.data(), scores_.data()};
    return finite(most_steps, [&](int64_t steps) {
      const Sizes sizes{S, N, d, h, model_.takes_scores ? model_.width : 0, steps};
      const auto numbers = [](int64_t count) { return std::vector<double>(static_cast<size_t>(count)); };
      std::vector<double> w1 = numbers(d * h), b1 = numbers(h), v = numbers((h + 1) * N),
                          q = numbers((h + 1) * (h + 1)), m = numbers(model_.width * N),
                          losses = numbers(steps + 1), conditioning = numbers(2), logits = numbers(S * N);
      Head<double> head{w1.data(), b1.data(), v.data(), q.data(), m.data(), 0, 0};
      adapt_lowrank<double>(sizes, model.arrays, task, head, losses.data(), conditioning.data());
      head_logits<double>(sizes, head, model.arrays.r, scores_.data(), z.data()).copy_to(logits.data());
      round(w1, learned_.w1, "w1");
      round(b1, learned_.b1, "b1");
      round(v, learned_.v, "v");
      round(q, learned_.q, "q");
      round(m, learned_.m, "m");
      round(losses, learned_.losses, "losses");
      round(logits, learned_.logits, "logits");
      round({std::max(conditioning[0], conditioning[1])}, &learned_.conditioning, "conditioning");
      Adapted adapted{0, 0, steps};
      round({head.gamma1}, &adapted.gamma1, "gamma1");
      round({head.gamma2}, &adapted.gamma2, "gamma2");
      return adapted;
    });
  }

  static void round(const std::vector<double>& from, float* to, const char* name) {
    std::transform(from.begin(), from.end(), to, [](double value) { return static_cast<float>(value); });
    check_result(to, static_cast<int64_t>(from.size()), name);
  }

  const PackedModel& model_;
  const LearnInput& input_;
  Learned& learned_;
  const std::vector<float> step_sizes_;
  const std::vector<double> scores_;
};

// Spreads rows of `columns` numbers, one after the other at the beginning of `data`, to rows of `wider`, with
// zeros after their own.
void widen(float* data, int64_t rows, int64_t columns, int64_t wider) {
  for (int64_t i = rows - 1; i >= 0; --i) {
    float *from = data + i * columns, *to = data + i * wider;
    std::copy_backward(from, from + columns, to + columns);
    std::fill(to + columns, to + wider, 0.0F);
  }
}

void multiply_all(float* data, int64_t count, float factor) {
  for (int64_t i = 0; i < count; ++i) data[i] *= factor;
}

// The head as head.onnx takes it: the last hidden unit is 1 for every z, the factors have gone into v and m,
// the norm's epsilon into q, and columns past the labels are 0.
void make_task_weights(const PackedModel& model, const LearnInput& input, const Adapted& adapted,
                       Learned& learned) {
  const int64_t N = input.labels, ways = input.ways, size = model.h + 1;
  multiply_all(learned.v, size * N, adapted.gamma1);
  multiply_all(learned.m, model.width * N, adapted.gamma2);
  check_result(learned.v, size * N, "v");
  check_result(learned.m, model.width * N, "m");
  widen(learned.w1, model.d, model.h, size);
  learned.b1[model.h] = 1;
  widen(learned.v, size, N, ways);
  learned.q[size * size - 1] += static_cast<float>(kNormEpsilon * kNormEpsilon);
  widen(learned.m, model.width, N, ways);
}

void learn(const PaperModel& model, const LearnInput& input, Learned& learned) {
  if (!model.rules) refuse("the model was made without threshold_weights, so that it cannot learn");
  const PackedModel& packed = model.packed;
  check_input({packed.d, packed.d, packed.takes_scores ? packed.width : 0}, input);
  check_head(packed, input, learned);
  check_output(input, learned);
  const Adapted adapted = Learner(packed, *model.rules, input, learned).adapt();
  learned.steps = adapted.steps;
  const auto most = static_cast<int64_t>(model.rules->step_sizes.size()) / DESIRE_EDGE_STEP_COLUMNS;
  std::fill(learned.losses + adapted.steps + 1, learned.losses + most + 1, 0.0F);
  make_task_weights(packed, input, adapted, learned);
  finish_learning(input, model.rules->threshold_weights.data(), learned);
}

}  // namespace
}  // namespace desire_edge

using namespace desire_edge;

desire_edge_status desire_edge_learn(const desire_edge_model* model, const desire_edge_learn_input* input,
                                     desire_edge_learned* learned, char* error, size_t error_capacity) {
  return guarded(error, error_capacity, [&] {
    check_pointer(model, 1, "model");
    check_pointer(input, 1, "input");
    check_pointer(learned, 1, "learned");
    if (model->prior != nullptr) {
      learn(*model->prior, *input, *learned);
    } else {
      learn(*model->paper, *input, *learned);
    }
  });
}
