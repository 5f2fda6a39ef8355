#include "bundle.h"

#include <desire_edge.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "error.h"
#include "files.h"
#include "model_file.h"

namespace app {
namespace fs = std::filesystem;
namespace {

constexpr uint64_t kLargestFile = (uint64_t{1} << 31) - 1;

/* Rounds to half precision: what is stored is what is used. */
void round_to_half(Matrix* matrix, const char* what) {
  for (float& value : matrix->values) value = from_half(to_half(value));
  if (!all_finite(matrix->values))
    refuse("invalid"_code, what, " do not fit half precision; the bundle cannot be adapted");
}

/* The bytes of values that are halves. */
std::string halves(const Matrix& matrix) {
  std::string bytes;
  for (const float value : matrix.values) {
    const uint16_t half = to_half(value);
    bytes.append(reinterpret_cast<const char*>(&half), sizeof half);
  }
  return bytes;
}

/* Rows of 0 and 1 as bits: column c is bit c % 8 of byte c / 8, the lowest first. */
std::string bits(const Matrix& flags) {
  std::string packed;
  for (int64_t row = 0; row < flags.rows; ++row) {
    for (int64_t c = 0; c < flags.columns; ++c) {
      if (c % 8 == 0) packed += '\0';
      if (flags[row][c] != 0) packed.back() = static_cast<char>(packed.back() | 1 << c % 8);
    }
  }
  return packed;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/* A warning where examples, left out, would be known better by the labels' names alone, or by how many carry
 * each label; as desire_edge/runtime/evidence.py. */
Names do_not_help(const Task& task) {
  const double held_out = task.head.held_out_loss, by_name = task.head.losses.front();
  if (held_out < 0) return {};
  double by_share = 0, all = 0;
  for (size_t column = 0; column < task.labels.entries.size(); ++column) {
    const LabelCounts counts = task.support.counts(static_cast<int64_t>(column));
    const auto positives = static_cast<double>(counts.positives);
    const double known = positives + static_cast<double>(counts.negatives);
    for (const double kind : {positives, known - positives}) {
      if (kind > 0) by_share -= kind * std::log(kind / known);
    }
    all += known;
  }
  by_share /= all;
  if (held_out <= std::min(by_name, by_share)) return {};
  char said[512];
  std::snprintf(said, sizeof said,
                "the examples do not help: each is predicted from the others with a loss of %.2f, from the "
                "labels' names alone with %.2f, and from how many carry each label with %.2f; look for "
                "examples with wrong labels, or give more",
                held_out, by_name, by_share);
  return {said};
}

}  // namespace

Bundle::Bundle(const fs::path& folder, int threads) : folder_(folder) {
  if (!fs::is_regular_file(folder / kManifest)) {
    refuse("bundle-none"_code, folder.string(), " is not a bundle: it is no folder with a ", kManifest,
           " in it", fs::is_regular_file(folder) ? "; unpack the zip first" : "");
  }
  manifest_ = read_manifest(folder / kManifest);
  read_files();
  read_semantics();
  if (files_.count(kLexicon)) lexicon_ = Lexicon::open(files_.at(kLexicon), path_of(kLexicon));
  if (lexicon_ && lexicon_->dim() != manifest_.name_dimension) {
    refuse("invalid"_code, folder.string(), ": the lexicon has ", lexicon_->dim(),
           " dimensions, but the model ", manifest_.name_dimension);
  }
  manifest_.input.open(folder);
  const std::string& extractor = manifest_.extractor;
  extractor_ = std::make_shared<Session>(files_.at(extractor), path_of(extractor), threads);
  extractor_->check_takes(manifest_.input, folder.string() + ": the extractor", "the manifest",
                          "invalid"_code);
  if (extractor_->columns("z") != semantics_.dimension) {
    refuse("invalid"_code, path_of(extractor), " has no output z of ", semantics_.dimension,
           " numbers a row");
  }
}

std::shared_ptr<Session> Bundle::base() const {
  if (manifest_.extractor != kBase) {
    refuse("schema"_code, folder_.string(), " is of an earlier version and has no ", kBase,
           "; export the bundle again");
  }
  const int64_t known = manifest_.known_labels ? static_cast<int64_t>(manifest_.base_labels.size()) : 0;
  const Names wanted = part();
  const bool whole = std::all_of(wanted.begin(), wanted.end(),
                                 [&](const std::string& name) { return extractor_->part().count(name) > 0; });
  if (!whole || extractor_->columns("probabilities") == 0 || extractor_->known_labels() != known) {
    refuse("onnx"_code, path_of(kBase),
           " has not the inputs and outputs that the manifest says; copy the bundle again");
  }
  return extractor_;
}

void Bundle::read_files() {
  std::set<std::string> read = {manifest_.extractor, kSemantics};
  if (manifest_.extractor != kBase) read.insert(kHeadFragment);
  if (manifest_.names == kLexiconNames) read.insert(kLexicon);
  for (const auto& [asset, digest] : manifest_.input.assets()) read.insert(asset);
  for (const auto& [file, record] : manifest_.files) {
    if (!fs::is_regular_file(folder_ / file)) {
      refuse("bundle-file"_code, "the bundle ", folder_.string(), " lacks its file ", file,
             "; copy it again");
    }
    std::string content = read_file(folder_ / file, kLargestFile);
    if (record.bytes != content.size() || record.sha256 != sha256(content)) {
      refuse("bundle-changed"_code, path_of(file),
             " is not what was exported (its SHA-256 differs); copy the bundle again");
    }
    if (read.count(file)) files_[file] = std::move(content);
  }
}

void Bundle::read_semantics() {
  const std::string where = path_of(kSemantics);
  const Safetensors file = read_safetensors(files_.at(kSemantics), where, "invalid"_code);
  semantics_.prior = manifest_.head == kPrior;
  semantics_.dimension = manifest_.dimension;
  semantics_.name_dimension = manifest_.name_dimension;
  semantics_.hidden = manifest_.hidden;
  semantics_.base_labels = static_cast<int64_t>(manifest_.base_labels.size());
  semantics_.known_labels = manifest_.known_labels;
  const auto d = static_cast<uint64_t>(semantics_.dimension), h = static_cast<uint64_t>(semantics_.hidden),
             b = static_cast<uint64_t>(semantics_.base_labels);
  std::map<std::string, std::vector<uint64_t>> shapes = {
      {"w_base", {d, b}},
      {"w_i", {b, d}},
      {"w1", {d, h}},
      {"b1", {h}},
      {"w2", {h, d}},
      {"b2", {d}},
      {"gamma1", {}},
      {"gamma2", {}},
      {"base_bias", {b}},
      {"q0", {h + 1, h + 1}},
      {"threshold_weights", {DESIRE_EDGE_THRESHOLD_WEIGHTS}}};
  if (!semantics_.known_labels) shapes.insert({{"p", {d, d}}, {"r", {d, d}}});
  const auto steps = file.tensors.find("step_sizes");
  const bool some = steps != file.tensors.end() && !steps->second.shape.empty();
  shapes["step_sizes"] = {some ? steps->second.shape[0] : 0, DESIRE_EDGE_STEP_COLUMNS};
  if (semantics_.prior) {
    const auto names = static_cast<uint64_t>(semantics_.name_dimension);
    shapes = {{"name_mean", {names}},
              {"r", {d, b}},
              {"base_bias", {b}},
              {"inference", {b, names}},
              {"scalars", {DESIRE_EDGE_PRIOR_SCALARS}},
              {"threshold_weights", {DESIRE_EDGE_THRESHOLD_WEIGHTS}}};
    if (d != names || file.tensors.count("name_map")) shapes["name_map"] = {d, names};
  }
  for (const auto& [name, shape] : shapes) {
    const auto found = file.tensors.find(name);
    std::vector<float>& values = semantics_.arrays[name];
    if (found != file.tensors.end() && found->second.dtype == "F32" && found->second.shape == shape) {
      values.resize(found->second.bytes.size() / sizeof(float));
      std::copy_n(found->second.bytes.data(), found->second.bytes.size(),
                  reinterpret_cast<char*>(values.data()));
      if (all_finite(values)) continue;
    }
    refuse("invalid"_code, where, ": ", name, " is not a finite float32 array of shape ",
           nlohmann::json(shape).dump(), "; export the bundle again");
  }
}

Task Bundle::adapt(const Support& support, const Names& names, bool missing_unknown) {
  check_labels(support, names);
  Task task;
  if (!lexicon_) {
    refuse("input-kind"_code, "the labels of the bundle ", manifest_.name,
           " get their vectors from its text encoder, whose tokenizer this program does not have; teach it "
           "with the "
           "Python or JavaScript client, and predict here with the model that they write");
  }
  task.labels = lexicon_->label_matrix(names);
  round_to_half(&task.labels.vectors, "the lexicon's vectors");
  task.support = make_targets(support, names, missing_unknown);
  Names examples;
  std::vector<Names> carried;
  for (const Example& example : support.examples) {
    examples.push_back(example.name);
    carried.push_back(example.known_labels);
  }
  const Matrix known =
      known_rows(carried, examples, semantics_.known_labels ? manifest_.base_labels : Names(),
                 "the bundle " + manifest_.name);
  for (int64_t row = 0; row < known.rows; ++row) {
    task.known_labels +=
        std::any_of(known[row], known[row] + known.columns, [](float value) { return value != 0; });
  }

  auto start = std::chrono::steady_clock::now();
  std::vector<Features> features;
  Matrix z = extract(support, &features);
  round_to_half(&z, "the extractor's features");
  task.extract_seconds = seconds_since(start);
  start = std::chrono::steady_clock::now();
  const bool with_base = manifest_.extractor == kBase;  // whose weights have a column a label, and no more
  const int64_t columns = with_base ? static_cast<int64_t>(names.size()) : manifest_.ways;
  task.head = learn(semantics_, z, task.support, task.labels.vectors, known, columns);
  task.adapt_seconds = seconds_since(start);

  if (with_base) base();  // which checks that it takes the weights
  const Names known_names = semantics_.known_labels ? manifest_.base_labels : Names();
  const auto metadata =
      model_metadata(names, task.head.thresholds, manifest_.input, manifest_.name, known_names);
  const auto part = [&](const char* file) { return ModelPart{path_of(file), files_.at(file)}; };
  task.model = with_base
                   ? standalone_model(part(kBase), task.head.weights, metadata)
                   : complete_model({part(kExtractor), part(kHeadFragment)}, task.head.weights, metadata);
  task.taught = serialize(task, z, known);
  for (const auto& [asset, digest] : manifest_.input.assets()) task.assets[asset] = files_.at(asset);
  for (const Features& item : features) {
    task.text_words += item.words;
    task.known_text_words += item.known_words;
  }
  task.warnings = task.labels.warnings;
  for (const Names& more : {unknown_texts(features, examples), warnings(support, task), do_not_help(task)}) {
    task.warnings.insert(task.warnings.end(), more.begin(), more.end());
  }
  return task;
}

/* z [S, d] of the examples, and their features; of ragged ones, which may be large, without x. */
Matrix Bundle::extract(const Support& support, std::vector<Features>* features) {
  const bool ragged = manifest_.input.x() == X::kPicture || manifest_.input.x() == X::kTokens;
  Matrix z(static_cast<int64_t>(support.examples.size()), semantics_.dimension);
  for (const Example& example : support.examples) {
    features->push_back(manifest_.input.features_of(example.raw, example.name));
    if (!ragged) continue;
    std::vector<Features> one(1);
    std::swap(one[0].x, features->back().x);
    const Matrix row = extract(one);
    std::copy_n(row[0], z.columns, z[static_cast<int64_t>(features->size()) - 1]);
  }
  return ragged ? z : extract(*features);
}

void Bundle::check_labels(const Support& support, const Names& names) const {
  if (names.empty())
    refuse("labels-none"_code, "there is no label to learn: no example carries one; name some with --labels");
  if (static_cast<int64_t>(names.size()) > manifest_.ways) {
    refuse("labels-many"_code, names.size(), " labels, but this bundle holds at most ", manifest_.ways,
           "; teach fewer, or export it with --ways ", names.size());
  }
  if (support.examples.size() > kMostExamples) {
    refuse("examples-many"_code, support.examples.size(), " examples are too many; a task holds at most ",
           kMostExamples);
  }
  for (const std::string& name : support.names()) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      refuse("label-unasked"_code, "the support set has the label '", name,
             "', which is not among the labels asked for; add it to --labels");
    }
  }
}

/* What a user should look at. */
Names Bundle::warnings(const Support& support, const Task& task) const {
  Names found;
  for (const LabelVector& label : task.labels.entries) {
    if (label.how == "seeded") {
      found.push_back("no word of the label '" + label.name +
                      "' is known, so only its examples can teach it");
    }
  }
  if (task.head.conditioning > 3 * DESIRE_EDGE_MAX_CONDITIONING) {
    found.push_back("the adapted head is ill-conditioned: expect errors above 1e-5");
  }
  for (size_t column = 0; column < task.labels.entries.size() && !support.examples.empty(); ++column) {
    const LabelCounts counts = task.support.counts(column);
    const std::string& name = task.labels.entries[column].name;
    if (counts.positives == 0) {
      found.push_back("no example carries the label '" + name + "', so it goes by its name alone");
    } else if (counts.negatives == 0) {
      found.push_back("no example is known not to carry '" + name +
                      "', so it will be said of nearly everything; add examples without it");
    }
  }
  return found;
}

/* As safetensors, enough to adapt again from the bundle: what desire_edge/runtime/taught.py reads. */
std::string Bundle::serialize(const Task& task, const Matrix& z, const Matrix& known) const {
  const auto labels = static_cast<uint64_t>(task.labels.entries.size()),
             examples = static_cast<uint64_t>(z.rows);
  const auto shape = [](const Matrix& matrix) {
    return std::vector{static_cast<uint64_t>(matrix.rows), static_cast<uint64_t>(matrix.columns)};
  };
  const std::string vectors = halves(task.labels.vectors), features = halves(z),
                    targets = bits(task.support.targets), mask = bits(task.support.mask),
                    known_labels = bits(known);
  // What the last change did to each label and example, for `desire-edge adapt --undo`: nothing yet.
  const std::string label_changes(labels, 0), example_changes(examples, 0);
  std::map<std::string, Tensor> tensors = {{"vectors", {"F16", shape(task.labels.vectors), vectors}},
                                           {"z", {"F16", shape(z), features}},
                                           {"targets", {"U8", {examples, (labels + 7) / 8}, targets}},
                                           {"mask", {"U8", {examples, (labels + 7) / 8}, mask}},
                                           {"label_changes", {"U8", {labels}, label_changes}},
                                           {"example_changes", {"U8", {examples}, example_changes}}};
  const auto base_labels = static_cast<uint64_t>(known.columns);
  if (base_labels) tensors["known_labels"] = {"U8", {examples, (base_labels + 7) / 8}, known_labels};
  Names names;
  for (const LabelVector& label : task.labels.entries) names.push_back(label.name);
  return write_safetensors(tensors, "desire_edge",
                           "{\"schema_version\": 2, \"bundle\": " + nlohmann::json(manifest_.name).dump() +
                               ", \"extractor\": \"" + manifest_.files.at(manifest_.extractor).sha256 +
                               "\", \"semantics\": \"" + manifest_.files.at(kSemantics).sha256 +
                               "\", \"base_labels\": " + std::to_string(base_labels) +
                               ", \"keep_base\": false, \"labels\": " + json_list(names) + "}");
}

Names unknown_texts(const std::vector<Features>& features, const Names& names) {
  Names found;
  for (size_t i = 0; i < features.size(); ++i) {
    if (features[i].words == 0 || features[i].known_words > 0) continue;
    found.push_back(names[i] + ": 0 of its " + std::to_string(features[i].words) +
                    " words are known to the model, so it looks like any other such text");
  }
  return found;
}

}  // namespace app
