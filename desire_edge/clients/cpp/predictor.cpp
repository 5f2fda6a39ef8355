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
constexpr uint64_t kLargestAdapter = uint64_t{1} << 30, kLargestSaid = 16 * kMiB;
constexpr int kSchemaOfParts = 1;

bool all_thresholds(const std::vector<double>& thresholds, const Names& labels) {
  return thresholds.size() == labels.size() &&
         std::all_of(thresholds.begin(), thresholds.end(),
                     [](double threshold) { return std::abs(threshold) <= FLT_MAX; });
}

/* A name as an adapter's file, a FlatBuffer, holds it. */
std::string flat(const std::string& name) {
  std::string bytes;
  for (int place = 0; place < 4; ++place) bytes += static_cast<char>((name.size() >> (8 * place)) & 0xff);
  return bytes + name + '\0';
}

/* The adapter in `path`, which must give all of the base's `wanted`. */
Ort::LoraAdapter read_adapter(const std::filesystem::path& path, const std::vector<std::string>& wanted) {
  const std::string content = read_file(path, kLargestAdapter);
  Ort::LoraAdapter adapter{nullptr};
  try {
    adapter = Ort::LoraAdapter::CreateLoraAdapterFromArray(content.data(), content.size(), nullptr);
  } catch (const Ort::Exception&) {
    refuse("task"_code, path.string(),
           " is not an adapter that ONNX Runtime can read; copy it again, or teach the task afresh");
  }
  for (const std::string& name : wanted) {
    if (content.find(flat(name)) == content.npos)
      refuse("task"_code, path.string(), " has no ", name, ", which the base takes; teach the task afresh");
  }
  return adapter;
}

}  // namespace

Predictor::Predictor(const std::filesystem::path& model, int threads)
    : where_(model.string()),
      session_(std::make_shared<Session>(read_file(model, kLargestModel), where_, threads)) {
  const std::string& where = where_;
  const auto not_ours = [&](const std::string& why) {
    refuse("model"_code, where, " is not a model adapted by desire-edge (its metadata: ", why,
           "); make one with `adapt`");
  };
  const auto value = [&](const std::string& key, const std::string& otherwise = "") {
    const std::string found = session_->metadata("desire_edge." + key),
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
  if (!all_thresholds(thresholds_, labels_)) not_ours("labels and thresholds do not agree");
  if (session_->columns("probabilities") < static_cast<int64_t>(labels_.size())) {
    not_ours("the output `probabilities` has not a column a label");
  }
  if (!base_labels.empty() &&
      session_->columns("base_probabilities") != static_cast<int64_t>(base_labels.size())) {
    not_ours("the output `base_probabilities` has not a column a base label");
  }
  if (session_->known_labels() != static_cast<int64_t>(known_labels_.size())) {
    not_ours("the input `known_labels` has not a column a base label");
  }
  session_->check_takes(input_, where, "its metadata", "model"_code);
  input_.open(model.parent_path().empty() ? "." : model.parent_path());
}

Predictor::Predictor(const Bundle& bundle, const std::filesystem::path& folder)
    : where_((folder / kAdapter).string()), session_(bundle.base()), input_(bundle.input()) {
  const std::filesystem::path said = folder / kSaid;
  const auto not_ours = [&](const std::string& why) {
    refuse("task"_code, said.string(), " is not what `desire-edge adapt` wrote (", why,
           "); copy it again, or teach afresh");
  };
  const Manifest& manifest = bundle.manifest();
  std::string taught_with, base;
  try {
    const auto values = parse_json(read_text(said, kLargestSaid), said.string(), "task"_code);
    const auto& version = values.at("schema_version");
    if (version != kSchemaOfParts) not_ours("its schema version is " + brief(version));
    taught_with = values.at("bundle").get<std::string>();
    base = values.at("base").get<std::string>();
    labels_ = values.at("labels").get<Names>();
    thresholds_ = values.at("thresholds").get<std::vector<double>>();
  } catch (const nlohmann::json::exception& error) {
    not_ours(json_reason(error));
  }
  if (!all_thresholds(thresholds_, labels_)) not_ours("labels and thresholds do not agree");
  if (base != manifest.files.at(kBase).sha256) {
    refuse("task-bundle"_code, where_, " was taught with another bundle, ", brief(taught_with),
           "; name that one");
  }
  if (manifest.known_labels) known_labels_ = manifest.base_labels;
  part_ = read_adapter(folder / kAdapter, bundle.part());
}

Matrix Predictor::predict(const std::vector<Features>& features, const Matrix& known_labels) {
  const Matrix all = session_->run("probabilities", features, known_labels, part_ ? &part_ : nullptr);
  if (part_ && (all.columns != static_cast<int64_t>(labels_.size()) || !all_finite(all.values)))
    refuse("task"_code, where_, " gives no finite number a label; teach the task afresh");
  Matrix probabilities(all.rows, static_cast<int64_t>(labels_.size()));
  for (int64_t row = 0; row < all.rows; ++row)
    std::copy_n(all[row], probabilities.columns, probabilities[row]);
  return probabilities;
}

}  // namespace app
