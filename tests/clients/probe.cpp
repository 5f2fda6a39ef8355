/*
 * What the C++ example's parts say of the questions on standard input, a JSON object of any of
 *     "tokenize": [text]; "lexicon": file, "look_up": [name], "label_matrix": [[name]]; "half": [number].
 * Answers on standard output, an object with the same keys.
 */
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "arrays.h"
#include "files.h"
#include "lexicon.h"
#include "text.h"

int main() {
  const auto asked = nlohmann::json::parse(std::cin);
  nlohmann::json answers = nlohmann::json::object();
  for (const auto& text : asked.value("tokenize", nlohmann::json::array())) {
    answers["tokenize"].push_back(app::tokenize(text));
  }
  for (const float value : asked.value("half", std::vector<float>())) {
    answers["half"].push_back(app::from_half(app::to_half(value)));
  }
  if (!asked.contains("lexicon")) {
    std::cout << answers;
    return 0;
  }
  const std::string path = asked["lexicon"], content = app::read_file(path, 64 * app::kMiB);
  const app::Lexicon lexicon(content, path);
  const auto entry = [](const app::LabelVector& label) {
    return nlohmann::json{{"name", label.name},
                          {"vector", label.vector},
                          {"known", label.known},
                          {"unknown", label.unknown},
                          {"how", label.how}};
  };
  for (const auto& name : asked.value("look_up", nlohmann::json::array())) {
    answers["look_up"].push_back(entry(lexicon.look_up(name)));
  }
  for (const auto& names : asked.value("label_matrix", nlohmann::json::array())) {
    const app::LabelMatrix matrix = lexicon.label_matrix(names);
    nlohmann::json entries = nlohmann::json::array();
    std::transform(matrix.entries.begin(), matrix.entries.end(), std::back_inserter(entries), entry);
    answers["label_matrix"].push_back({{"entries", entries}, {"warnings", matrix.warnings}});
  }
  std::cout << answers;
  return 0;
}
