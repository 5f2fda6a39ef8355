#include "input.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "characters.h"
#include "files.h"
#include "names.h"
#include "npy.h"
#include "text.h"

namespace app {
namespace {

constexpr int64_t kMostFeatures = int64_t{1} << 20;
constexpr size_t kLongestIndex = 9;  // digits

SparseFeatures read_sparse(const std::string& content, const std::string& where) {
  const auto values = parse_json(content, where);
  if (!values.is_object()) {
    refuse("json"_code, where,
           " is not a readable .json file: expected an object from feature name to number");
  }
  SparseFeatures features;
  for (const auto& [name, value] : values.items()) {
    if (!value.is_number()) {
      refuse("input-type"_code, where, ": the value of feature '", name, "' is ", brief(value),
             ", not a number");
    }
    features[name] = value;
  }
  return features;
}

std::vector<float> finite(std::vector<float> x, const std::string& where) {
  for (size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i])) {
      refuse("input-finite"_code, where, ": feature ", i, " is ", x[i],
             "; every feature must be a finite number");
    }
  }
  return x;
}

}  // namespace

RawInput read_input(const std::filesystem::path& path) {
  const std::string where = path.string(), kind = lower(path.extension().string());
  if (kind == ".npy") return read_npy(read_file(path, kLargestInput), where);
  if (kind == ".json") return read_sparse(read_text(path, kLargestInput), where);
  if (kind == ".txt") return read_text(path, kLargestInput);
  refuse("file-kind"_code, where, " is of no kind that can be read; use .txt, .npy, .json");
}

InputSpec::InputSpec(const nlohmann::json& value, const std::string& where, Code code) {
  try {
    kind_ = value.at("kind");
    if (kind_ != "bag-of-words" && kind_ != "vector") {
      refuse(code, where, ": the model takes input of the kind '", kind_,
             "', which this program does not know; use the Python client");
    }
    if (kind_ == "bag-of-words") vocabulary_ = value.at("vocabulary").get<std::vector<std::string>>();
    if (value.at("features").is_number_integer()) features_ = value["features"];
  } catch (const nlohmann::json::exception&) {
    features_ = 0;
  }
  if (features_ < 1 || features_ > kMostFeatures) {
    refuse(code, where, " does not say what the model's input is; export the bundle again");
  }
  if (kind_ == "bag-of-words" && static_cast<int64_t>(vocabulary_.size()) != features_) {
    refuse(code, where, ": the input has ", features_, " features, but a vocabulary of ", vocabulary_.size(),
           " words");
  }
  const auto unicode = value.value("unicode", nlohmann::json(kUnicode));
  if (unicode != kUnicode) {
    refuse("unicode-version"_code, where, ": its words were split by Unicode ", brief(unicode),
           ", which this version does not know; update desire-edge");
  }
  for (size_t i = 0; i < vocabulary_.size(); ++i) index_[vocabulary_[i]] = static_cast<int64_t>(i);
}

std::string InputSpec::to_json() const {
  return "{\"kind\": \"" + kind_ + "\", \"features\": " + std::to_string(features_) +
         ", \"vocabulary\": " + json_list(vocabulary_) + ", \"unicode\": \"" + kUnicode + "\"}";
}

Features InputSpec::features_of(const RawInput& raw, const std::string& where) const {
  if (const auto* text = std::get_if<std::string>(&raw)) return from_text(*text, where);
  if (const auto* values = std::get_if<SparseFeatures>(&raw)) return from_sparse(*values, where);
  return from_vector(std::get<std::vector<float>>(raw), where);
}

Features InputSpec::from_text(const std::string& text, const std::string& where) const {
  if (kind_ == "vector") {
    refuse("input-kind"_code, where, " is text, but this model takes vectors of ", features_,
           " numbers; give it a .npy or .json file");
  }
  const std::vector<std::string> words = tokenize(text);
  const std::set<std::string> distinct(words.begin(), words.end());
  Features features{std::vector<float>(features_), 0, distinct.size()};
  for (const std::string& word : distinct) {
    const auto found = index_.find(word);
    if (found == index_.end()) continue;
    features.x[found->second] = 1;
    ++features.known_words;
  }
  return features;
}

Features InputSpec::from_sparse(const SparseFeatures& values, const std::string& where) const {
  Features features{std::vector<float>(features_), 0, 0};
  std::map<int64_t, std::string> given;
  for (const auto& [name, value] : values) {
    const auto found = index_.find(name);
    int64_t index = found == index_.end() ? features_ : found->second;
    const bool digits =
        !name.empty() && name.size() <= kLongestIndex && name.find_first_not_of("0123456789") == name.npos;
    if (found == index_.end() && digits) index = std::stol(name);
    if (index >= features_) {
      refuse("input-feature"_code, where, ": the model has no feature '", name, "'; a feature is ",
             vocabulary_.empty() ? "" : "one of the vocabulary's words, or ", "an index from 0 to ",
             features_ - 1);
    }
    const auto [first, alone] = given.emplace(index, name);
    if (!alone) {
      refuse("input-feature"_code, where, ": '", first->second, "' and '", name,
             "' are one feature; give it once");
    }
    features.x[index] = static_cast<float>(value);
  }
  features.x = finite(std::move(features.x), where);
  return features;
}

Features InputSpec::from_vector(const std::vector<float>& values, const std::string& where) const {
  if (static_cast<int64_t>(values.size()) != features_) {
    refuse("input-shape"_code, where, " has shape [", values.size(), "], but this model takes ", features_,
           " features an example");
  }
  return {finite(values, where), 0, 0};
}

std::string json_list(const std::vector<std::string>& items) {
  std::string list;
  for (const std::string& item : items) list += (list.empty() ? "" : ", ") + nlohmann::json(item).dump();
  return "[" + list + "]";
}

}  // namespace app
