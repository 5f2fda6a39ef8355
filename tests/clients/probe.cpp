/*
 * What the C++ client's parts say of the questions on standard input, a JSON object of any of
 *     "tokenize": [text]; "half": [number]; "lexicon": file, "look_up": [name], "label_matrix": [[name]], "text_vectors": [text], "hashed": number, "timed_texts": [text];
 * and of the cases of tests/vectors/refusals.json, whose files lie in folders:
 *     "names": [[name]]; "folders": [folder]; "inputs": [{"spec", "file"}]; "lexicons": [file]; "bundles":
 * [folder]; "tasks": [{"bundle": folder, "support", "labels", "missing"}]; "kinds": [{"bundle": folder, "files"}]. Answers on standard output, an
 * object with the same keys; of a case {"gives"}, or {"refuses": code, "message"}.
 */
#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <variant>

#include "arrays.h"
#include "bundle.h"
#include "error.h"
#include "files.h"
#include "input.h"
#include "lexicon.h"
#include "names.h"
#include "static_lexicon.h"
#include "support.h"
#include "text.h"

namespace {

using nlohmann::json;

json entry_of(const app::LabelVector& label) {
  return {{"name", label.name},
          {"vector", label.vector},
          {"known", label.known},
          {"unknown", label.unknown},
          {"how", label.how}};
}

json matrix_of(const app::LabelMatrix& matrix) {
  json entries = json::array();
  std::transform(matrix.entries.begin(), matrix.entries.end(), std::back_inserter(entries), entry_of);
  return {{"entries", entries}, {"warnings", matrix.warnings}};
}

json input_of(const app::RawInput& raw) {
  if (const auto* text = std::get_if<std::string>(&raw)) return {{"text", *text}};
  if (const auto* features = std::get_if<app::SparseFeatures>(&raw)) return {{"features", *features}};
  if (const auto* pixels = std::get_if<app::Pixels>(&raw))
    return {{"pixels", {pixels->height, pixels->width, pixels->rgb}}};
  return {{"vector", std::get<std::vector<float>>(raw)}};
}

json examples_of(const json& folder) {
  json examples = json::array();
  for (const app::Example& example : app::read_support(folder.get<std::string>()).examples) {
    examples.push_back({{"labels", example.labels},
                        {"negative_labels", example.negative_labels},
                        {"known_labels", example.known_labels},
                        {"input", input_of(example.raw)}});
  }
  return examples;
}

/* From text to features, the mean over the texts in the quickest of some rounds. */
double microseconds_of(const app::StaticLexicon& lexicon, const std::vector<std::string>& texts) {
  double best = 1e300;
  for (int round = 0; round < 20; ++round) {
    const auto start = std::chrono::steady_clock::now();
    for (const std::string& text : texts) lexicon.text_vector(text);
    const std::chrono::duration<double, std::micro> taken = std::chrono::steady_clock::now() - start;
    best = std::min(best, taken.count() / static_cast<double>(texts.size()));
  }
  return best;
}

json array_of(const app::Features& features) {
  if (const auto* pixels = std::get_if<app::Pixels>(&features.x)) return pixels->rgb;
  if (const auto* tokens = std::get_if<std::vector<int64_t>>(&features.x)) return *tokens;
  if (const auto* words = std::get_if<app::SparseWords>(&features.x)) return words->ids;
  return std::get<std::vector<float>>(features.x);
}

json shape_of(const app::Features& features) {
  if (const auto* pixels = std::get_if<app::Pixels>(&features.x)) return {pixels->height, pixels->width, 3};
  return {array_of(features).size()};
}

json x_of(const json& asked) {
  const app::InputSpec spec(asked.at("spec"), "the model", app::Code{"manifest"});
  return array_of(spec.features_of(app::read_input(asked.at("file").get<std::string>()), "the input"));
}

/* Of each file its x, and its z by the bundle. */
json kinds_of(const json& asked) {
  app::Bundle bundle(asked.at("bundle").get<std::string>());
  json found = json::array();
  for (const json& file : asked.at("files")) {
    const app::Features features =
        bundle.input().features_of(app::read_input(file.get<std::string>()), file.get<std::string>());
    found.push_back(
        {{"x", array_of(features)}, {"shape", shape_of(features)}, {"z", bundle.extract({features}).values}});
  }
  return found;
}

json lexicon_of(const json& file) {
  const std::string path = file, content = app::read_file(path, 64 * app::kMiB);
  const auto lexicon = app::Lexicon::open(content, path);
  return {{"words", lexicon->size()}, {"dim", lexicon->dim()}};
}

json task_of(const json& asked) {
  app::Bundle bundle(asked.at("bundle").get<std::string>());
  app::Support support;
  for (const json& entry : asked.at("support")) {
    const std::string where = "example " + std::to_string(support.examples.size());
    support.examples.push_back(app::example_of(entry, entry.at("text").get<std::string>(), where));
  }
  const json& labels = asked.at("labels");
  const app::Names names =
      labels.is_null() ? support.names() : app::check_names(labels, "the labels asked for");
  const app::Task task = bundle.adapt(support, names, app::missing_is_unknown(asked.at("missing")));
  app::Names learned;
  for (const app::LabelVector& label : task.labels.entries) learned.push_back(label.name);
  return {{"labels", learned}};
}

const std::map<std::string, std::function<json(const json&)>> kCases = {
    {"names", [](const json& names) { return app::check_names(names, "the names"); }},
    {"folders", examples_of},
    {"inputs", x_of},
    {"lexicons", lexicon_of},
    {"bundles",
     [](const json& folder) {
       app::Bundle bundle(folder.get<std::string>());
       return true;
     }},
    {"kinds", kinds_of},
    {"tasks", task_of}};

}  // namespace

int main() {
  const json asked = json::parse(std::cin);
  json answers = json::object();
  for (const json& text : asked.value("tokenize", json::array())) {
    answers["tokenize"].push_back(app::tokenize(text));
  }
  for (const float value : asked.value("half", std::vector<float>())) {
    answers["half"].push_back(app::from_half(app::to_half(value)));
  }
  if (asked.contains("lexicon")) {
    const std::string path = asked["lexicon"], content = app::read_file(path, 64 * app::kMiB);
    const auto lexicon = app::Lexicon::open(content, path);
    for (const json& name : asked.value("look_up", json::array())) {
      answers["look_up"].push_back(entry_of(lexicon->look_up(name)));
    }
    for (const json& text : asked.value("text_vectors", json::array())) {
      const auto found = dynamic_cast<const app::StaticLexicon&>(*lexicon).text_vector(
          text, asked.value("hashed", size_t{0}));
      answers["text_vectors"].push_back(
          {{"x", found.vector}, {"words", found.words}, {"known_words", found.known_words}});
    }
    if (asked.contains("timed_texts")) {
      answers["microseconds"] = microseconds_of(dynamic_cast<const app::StaticLexicon&>(*lexicon),
                                                asked["timed_texts"].get<std::vector<std::string>>());
    }
    for (const json& names : asked.value("label_matrix", json::array())) {
      answers["label_matrix"].push_back(matrix_of(lexicon->label_matrix(names)));
    }
  }
  for (const auto& [kind, ask] : kCases) {
    for (const json& given : asked.value(kind, json::array())) {
      try {
        answers[kind].push_back({{"gives", ask(given)}});
      } catch (const app::Error& error) {
        answers[kind].push_back({{"refuses", error.code()}, {"message", error.what()}});
      }
    }
  }
  std::cout << answers.dump(-1, ' ', false, json::error_handler_t::replace);
  return 0;
}
