// Whether examples help: each is left out, a fifth of them at a time, and predicted from the others.
#include <algorithm>
#include <cmath>
#include <vector>

#include "guard.h"
#include "handles.h"

namespace desire_edge {
namespace {

constexpr int64_t kFolds = 5;
// Of fewer examples that carry a label, on average, leaving one out leaves too little.
constexpr double kLeastPositives = 4;
constexpr double kMostWork = 2e7;  // in S^2 N: about a second

double cross_entropy(double logit, double target) {
  return std::max(logit, 0.0) + std::log1p(std::exp(-std::abs(logit))) - target * logit;
}

double held_out_loss(const PriorModel& model, const LearnInput& input) {
  const int64_t S = input.examples, N = input.labels, elements = S * N;
  check_input({model.d, model.name_dimension, model.uses_known_labels ? model.k : 0}, input);
  double positives = 0, known = 0;
  for (int64_t i = 0; i < elements; ++i) {
    positives += static_cast<double>(input.mask[i]) * input.targets[i];
    known += input.mask[i];
  }
  const auto size = static_cast<double>(S);
  if (positives < kLeastPositives * static_cast<double>(N) ||
      size * size * static_cast<double>(N) > kMostWork) {
    return -1;
  }
  const auto floats = [](int64_t count) { return std::vector<float>(static_cast<size_t>(count)); };
  std::vector<float> seen = floats(elements), l = floats(model.d * N), m = floats(model.k * N), b = floats(N),
                     used = floats(N), losses = floats(2), logits = floats(elements);
  std::vector<double> thresholds(static_cast<size_t>(N));
  LearnInput others = input;
  others.ways = N;
  others.mask = seen.data();
  Learned learned{};
  learned.l = l.data();
  learned.m = m.data();
  learned.b = b.data();
  learned.used = used.data();
  learned.losses = losses.data();
  learned.logits = logits.data();
  learned.thresholds = thresholds.data();
  double total = 0;
  for (int64_t fold = 0; fold < kFolds; ++fold) {
    std::copy_n(input.mask, elements, seen.data());
    for (int64_t s = fold; s < S; s += kFolds) std::fill_n(seen.data() + s * N, N, 0.0F);
    learn(model, others, learned);
    for (int64_t s = fold; s < S; s += kFolds) {
      for (int64_t i = s * N; i < (s + 1) * N; ++i) {
        total += input.mask[i] * cross_entropy(logits[i], input.targets[i]);
      }
    }
  }
  return total / known;
}

}  // namespace
}  // namespace desire_edge

using namespace desire_edge;

desire_edge_status desire_edge_held_out_loss(const desire_edge_model* model,
                                             const desire_edge_learn_input* input, double* loss, char* error,
                                             size_t error_capacity) {
  return guarded(error, error_capacity, [&] {
    check_pointer(model, 1, "model");
    check_pointer(input, 1, "input");
    check_pointer(loss, 1, "loss");
    if (model->prior == nullptr) refuse("model has not the head prior, of which alone this is known");
    *loss = held_out_loss(*model->prior, *input);
  });
}
