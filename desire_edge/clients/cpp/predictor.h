/* Prediction with an adapted model: one plain ONNX file, whose metadata says which labels its outputs are. */
#ifndef DESIRE_EDGE_APP_PREDICTOR_H
#define DESIRE_EDGE_APP_PREDICTOR_H

#include <filesystem>
#include <string>
#include <vector>

#include "arrays.h"
#include "input.h"
#include "session.h"
#include "support.h"

namespace app {

class Predictor {
 public:
  explicit Predictor(const std::filesystem::path& model);

  const Names& labels() const { return labels_; }
  /* The probability from which each label is said to hold. */
  const std::vector<double>& thresholds() const { return thresholds_; }
  const InputSpec& input() const { return input_; }
  /* The base labels that an input's own can be told to the model by, or none. */
  const Names& known_labels() const { return known_labels_; }

  /* Features of n inputs, and what is known of them [n, B] -> probabilities [n, N]. */
  Matrix predict(const std::vector<Features>& features, const Matrix& known_labels);

 private:
  Session session_;
  Names labels_, known_labels_;
  std::vector<double> thresholds_;
  InputSpec input_;
};

}  // namespace app

#endif
