#include "predictor.h"

#include <algorithm>
#include <cfloat>
#include <cmath>

#include "bundle.h"
#include "error.h"
#include "files.h"

namespace app {
namespace {

constexpr uint64_t kLargestModel = (uint64_t{1} << 31) - 1;

}  // namespace

Predictor::Predictor(const std::filesystem::path& model)
    : session_(read_file(model, kLargestModel), model.string()) {
  const std::string where = model.string();
  const auto not_ours = [&](const std::string& why) {
    refuse("model"_code, where, " is not a model adapted by desire-edge (its metadata: ", why,
           "); make one with `adapt`");
  };
  const auto value = [&](const std::string& key, const std::string& otherwise = "") {
    const std::string found = session_.metadata("desire_edge." + key),
                      text = found.empty() ? otherwise : found;
    if (text.empty()) not_ours("there is no " + key);
    return parse_json(text, where + ": its metadata's " + key, "model"_code);
  };
  Names base_labels;
  try {
    labels_ = value("labels").get<Names>();
    thresholds_ = value("thresholds").get<std::vector<double>>();
    known_labels_ = value("known_labels", "[]").get<Names>();
    base_labels = value("base_labels", "[]").get<Names>();
  } catch (const nlohmann::json::exception& error) {
    not_ours(json_reason(error));
  }
  input_ = InputSpec(value("input"), where, "model"_code);
  const bool finite = std::all_of(thresholds_.begin(), thresholds_.end(),
                                  [](double threshold) { return std::abs(threshold) <= FLT_MAX; });
  if (labels_.size() != thresholds_.size() || !finite) not_ours("labels and thresholds do not agree");
  if (session_.columns("probabilities") < static_cast<int64_t>(labels_.size())) {
    not_ours("the output `probabilities` has not a column a label");
  }
  if (!base_labels.empty() &&
      session_.columns("base_probabilities") != static_cast<int64_t>(base_labels.size())) {
    not_ours("the output `base_probabilities` has not a column a base label");
  }
  if (session_.known_labels() != static_cast<int64_t>(known_labels_.size())) {
    not_ours("the input `known_labels` has not a column a base label");
  }
  session_.check_takes(input_, where, "its metadata", "model"_code);
  input_.open(model.parent_path().empty() ? "." : model.parent_path());
}

Matrix Predictor::predict(const std::vector<Features>& features, const Matrix& known_labels) {
  const Matrix all = session_.run("probabilities", features, known_labels);
  Matrix probabilities(all.rows, static_cast<int64_t>(labels_.size()));
  for (int64_t row = 0; row < all.rows; ++row)
    std::copy_n(all[row], probabilities.columns, probabilities[row]);
  return probabilities;
}

}  // namespace app
