/* Prediction with an adapted model: one plain ONNX file, whose metadata says which labels its outputs are; or
 * a user's part, with the base of a bundle. As desire_edge/runtime/predictor.py and part.py. */
#ifndef DESIRE_EDGE_APP_PREDICTOR_H
#define DESIRE_EDGE_APP_PREDICTOR_H

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "arrays.h"
#include "bundle.h"
#include "input.h"
#include "session.h"
#include "support.h"

namespace app {

class Predictor {
 public:
  /* Opens a model; `threads` are those of one run, 0 takes all cores. */
  explicit Predictor(const std::filesystem::path& model, int threads = 1);
  /* The part in a folder (task.onnx_adapter and task.json, as Python writes them), with the base of the bundle,
   * which all users share. */
  Predictor(const Bundle& bundle, const std::filesystem::path& folder);

  const Names& labels() const { return labels_; }
  /* The probability from which each label is said to hold. */
  const std::vector<double>& thresholds() const { return thresholds_; }
  const InputSpec& input() const { return input_; }
  /* The base labels that an input's own can be told to the model by, or none. */
  const Names& known_labels() const { return known_labels_; }

  /* Features of n inputs, and what is known of them [n, B] -> probabilities [n, N]. */
  Matrix predict(const std::vector<Features>& features, const Matrix& known_labels);

 private:
  std::string where_;
  std::shared_ptr<Session> session_;
  Ort::LoraAdapter part_{nullptr}; /* none where the model has it for good */
  Names labels_, known_labels_;
  std::vector<double> thresholds_;
  InputSpec input_;
};

}  // namespace app

#endif
