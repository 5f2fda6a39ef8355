#include "loss.h"

#include <cmath>

namespace desire_edge {

template <class T>
Loss<T> masked_cross_entropy(View<T> logits, View<T> targets, View<T> mask) {
  Loss<T> loss{0.0, Matrix<T>(logits.rows(), logits.cols())};
  double weight = 0;
  for (int64_t i = 0; i < mask.rows(); ++i) {
    for (int64_t j = 0; j < mask.cols(); ++j) weight += mask(i, j);
  }
  if (weight == 0) return loss;

  for (int64_t i = 0; i < logits.rows(); ++i) {
    for (int64_t j = 0; j < logits.cols(); ++j) {
      const double x = logits(i, j);
      const double share = mask(i, j) / weight;
      // exp of a number <= 0 only, so that no logit overflows.
      const double decay = std::exp(-std::abs(x));
      const double sigmoid = (x >= 0 ? 1.0 : decay) / (1.0 + decay);
      loss.value += share * (std::fmax(x, 0.0) - x * targets(i, j) + std::log1p(decay));
      loss.gradient(i, j) = static_cast<T>(share * (sigmoid - targets(i, j)));
    }
  }
  return loss;
}

template Loss<float> masked_cross_entropy(View<float>, View<float>, View<float>);
template Loss<double> masked_cross_entropy(View<double>, View<double>, View<double>);

}  // namespace desire_edge
