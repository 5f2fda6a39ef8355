#include "input.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <regex>
#include <set>
#include <string_view>

#include "arrays.h"
#include "error.h"
#include "files.h"
#include "text.h"

namespace app {
namespace {

constexpr uint64_t kLargestFile = 16 * kMiB;
constexpr int64_t kMostFeatures = int64_t{1} << 20;
constexpr size_t kLongestHeader = 10000;  // of a .npy file

template <typename T>
std::vector<float> converted(std::string_view bytes, size_t count, bool swap) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) {
    char element[sizeof(T)];
    std::memcpy(element, bytes.data() + i * sizeof(T), sizeof(T));
    if (swap) std::reverse(element, element + sizeof(T));
    T value;
    std::memcpy(&value, element, sizeof(T));
    values[i] = static_cast<float>(value);
  }
  return values;
}

/* The numbers of a .npy file of one row, [n] or [1, n]. */
std::vector<float> read_npy(const std::string& content, const std::string& where) {
  const auto unreadable = [&](const auto&... why) {
    refuse(where, " is not a readable .npy file: ", why...);
  };
  if (content.compare(0, 6, "\x93NUMPY") != 0 || content.size() < 12)
    unreadable("it does not begin like one");
  const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<uint8_t>(content[i])); };
  const size_t prefix = byte(6) == 1 ? 10 : 12;
  size_t length = byte(8) | byte(9) << 8;
  if (byte(6) != 1) length |= byte(10) << 16 | byte(11) << 24;
  if (length > kLongestHeader || length > content.size() - prefix)
    unreadable("its header is cut short or too long");

  const std::string header = content.substr(prefix, length);
  std::smatch descr, shape;
  if (!std::regex_search(header, descr, std::regex("'descr': *'([<>|=]?)([a-zA-Z])([0-9]{1,2})'")) ||
      !std::regex_search(header, shape, std::regex("'shape': *\\(([0-9, ]*)\\)"))) {
    unreadable("its header does not say what it holds");
  }
  std::vector<size_t> sizes;
  const std::string list = shape[1];
  const std::regex digits("[0-9]{1,9}");
  for (std::sregex_iterator found(list.begin(), list.end(), digits), end; found != end; ++found) {
    sizes.push_back(std::stoul(found->str()));
  }
  if (!(sizes.size() == 1 || (sizes.size() == 2 && sizes[0] == 1))) {
    refuse(where, " has shape [", list, "], but an example is one row of numbers");
  }
  const size_t count = sizes.back();
  const std::string type = descr[2].str() + descr[3].str();
  const bool swap = descr[1] == ">";
  const size_t element = std::stoul(descr[3]);
  const std::string_view bytes = std::string_view(content).substr(prefix + length);
  if (element == 0 || count > bytes.size() / element) unreadable("it is shorter than its header says");
  if (type == "f4") return converted<float>(bytes, count, swap);
  if (type == "f8") return converted<double>(bytes, count, swap);
  if (type == "i1") return converted<int8_t>(bytes, count, swap);
  if (type == "i2") return converted<int16_t>(bytes, count, swap);
  if (type == "i4") return converted<int32_t>(bytes, count, swap);
  if (type == "i8") return converted<int64_t>(bytes, count, swap);
  if (type == "u1" || type == "b1") return converted<uint8_t>(bytes, count, swap);
  if (type == "u2") return converted<uint16_t>(bytes, count, swap);
  if (type == "u4") return converted<uint32_t>(bytes, count, swap);
  if (type == "u8") return converted<uint64_t>(bytes, count, swap);
  if (type != "f2") refuse(where, " does not hold plain numbers");
  std::vector<float> values = converted<uint16_t>(bytes, count, swap);
  for (float& value : values) value = from_half(static_cast<uint16_t>(value));
  return values;
}

SparseFeatures read_sparse(const std::string& content, const std::string& where) {
  const auto values = parse_json(content, where);
  if (!values.is_object()) {
    refuse(where, " is not a readable .json file: expected an object from feature name to number");
  }
  SparseFeatures features;
  for (const auto& [name, value] : values.items()) {
    if (!value.is_number()) refuse(where, ": the value of feature '", name, "' is not a number");
    features[name] = value;
  }
  return features;
}

std::vector<float> finite(std::vector<float> x, const std::string& where) {
  for (size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i])) {
      refuse(where, ": feature ", i, " is ", x[i], "; every feature must be a finite number");
    }
  }
  return x;
}

}  // namespace

RawInput read_input(const std::filesystem::path& path) {
  const std::string where = path.string(), kind = path.extension().string();
  if (kind != ".txt" && kind != ".npy" && kind != ".json") {
    refuse(where, " is of no kind that can be read; use .txt, .npy, .json");
  }
  std::string content = read_file(path, kLargestFile);
  if (kind == ".npy") return read_npy(content, where);
  if (kind == ".json") return read_sparse(content, where);
  if (!is_utf8(content)) refuse(where, " is not a readable .txt file: it is not UTF-8 text");
  return content;
}

InputSpec::InputSpec(const nlohmann::json& value, const std::string& where) {
  try {
    kind_ = value.at("kind");
    vocabulary_ = value.at("vocabulary").get<std::vector<std::string>>();
    if (value.at("features").is_number_integer()) features_ = value["features"];
  } catch (const nlohmann::json::exception&) {
    features_ = 0;
  }
  if ((kind_ != "bag-of-words" && kind_ != "vector") || features_ < 1 || features_ > kMostFeatures) {
    refuse(where, " does not say what the model's input is; export the bundle again");
  }
  if (kind_ == "bag-of-words" && static_cast<int64_t>(vocabulary_.size()) != features_) {
    refuse(where, ": the input has ", features_, " features, but a vocabulary of ", vocabulary_.size(),
           " words");
  }
  for (size_t i = 0; i < vocabulary_.size(); ++i) index_[vocabulary_[i]] = static_cast<int64_t>(i);
}

std::string InputSpec::to_json() const {
  return "{\"kind\": \"" + kind_ + "\", \"features\": " + std::to_string(features_) +
         ", \"vocabulary\": " + json_list(vocabulary_) + "}";
}

Features InputSpec::features_of(const RawInput& raw, const std::string& where) const {
  if (const auto* text = std::get_if<std::string>(&raw)) return from_text(*text, where);
  if (const auto* values = std::get_if<SparseFeatures>(&raw)) return from_sparse(*values, where);
  return from_vector(std::get<std::vector<float>>(raw), where);
}

Features InputSpec::from_text(const std::string& text, const std::string& where) const {
  if (kind_ == "vector") {
    refuse(where, " is text, but this model takes vectors of ", features_,
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
  for (const auto& [name, value] : values) {
    const auto found = index_.find(name);
    int64_t index = found == index_.end() ? features_ : found->second;
    const bool digits =
        !name.empty() && name.size() < 10 && name.find_first_not_of("0123456789") == name.npos;
    if (found == index_.end() && digits) index = std::stol(name);
    if (index >= features_) {
      refuse(where, ": the model has no feature '", name, "'; a feature is ",
             vocabulary_.empty() ? "" : "one of the vocabulary's words, or ", "an index from 0 to ",
             features_ - 1);
    }
    features.x[index] = static_cast<float>(value);
  }
  features.x = finite(std::move(features.x), where);
  return features;
}

Features InputSpec::from_vector(const std::vector<float>& values, const std::string& where) const {
  if (static_cast<int64_t>(values.size()) != features_) {
    refuse(where, " has shape [", values.size(), "], but this model takes ", features_,
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
