#include "thresholds.h"

#include <algorithm>
#include <cmath>

#include "guard.h"

namespace desire_edge {
namespace {

// The furthest threshold in log odds, 1e-6 from a probability of 0 or 1. At 0 or 1 itself a label would be
// said of everything or of next to nothing, whatever the model sees; and float, which probabilities come in,
// has no number between 1 - 6e-8 and 1.
constexpr double kLimit = 13.8;

double threshold(int64_t S, int64_t N, const float* logits, const float* targets, const float* mask,
                 const float* weights) {
  double count = 0, positives = 0, mean = 0, variance = 0;
  for (int64_t i = 0; i < S * N; i += N) {
    count += mask[i];
    positives += static_cast<double>(targets[i]) * mask[i];
    mean += static_cast<double>(logits[i]) * mask[i];
  }
  double log_odds = weights[0];
  if (count > 0) {
    mean /= count;
    for (int64_t i = 0; i < S * N; i += N) {
      const double difference = logits[i] - mean;
      variance += difference * difference * mask[i];
    }
    log_odds += weights[1] + weights[2] * std::log((positives + 1) / (count - positives + 1)) +
                weights[3] * mean + weights[4] * std::sqrt(variance / count);
  }
  return 1 / (1 + std::exp(-std::max(-kLimit, std::min(log_odds, kLimit))));
}

}  // namespace

void make_thresholds(int64_t S, int64_t N, const float* logits, const float* targets, const float* mask,
                     const float* weights, double* thresholds) {
  for (int64_t j = 0; j < N; ++j) {
    thresholds[j] = threshold(S, N, logits + j, targets + j, mask + j, weights);
  }
}

}  // namespace desire_edge

using namespace desire_edge;

desire_edge_status desire_edge_thresholds(int64_t examples, int64_t labels, const float* logits,
                                          const float* targets, const float* mask, const float* weights,
                                          double* thresholds, char* error, size_t error_capacity) {
  return guarded(error, error_capacity, [&] {
    check_size(examples, 0, "examples");
    check_size(labels, 1, "labels");
    check_matrix(logits, examples, labels, "logits");
    check_range(targets, examples, labels, 0.0F, 1.0F, "targets", "0 to 1");
    check_range(mask, examples, labels, 0.0F, 1.0F, "mask", "0 to 1");
    check_vector(weights, DESIRE_EDGE_THRESHOLD_WEIGHTS, "weights");
    check_pointer(thresholds, labels, "thresholds");
    make_thresholds(examples, labels, logits, targets, mask, weights, thresholds);
  });
}
