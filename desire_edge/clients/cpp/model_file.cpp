#include "model_file.h"

#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace app {
namespace {

// Fields of ModelProto, GraphProto, TensorProto and StringStringEntryProto (onnx.proto3), and their wire
// types.
enum { kModelGraph = 7, kModelMetadata = 14, kGraphInitializer = 5 };
enum { kTensorDims = 1, kTensorDataType = 2, kTensorName = 8, kTensorRawData = 9 };
enum { kEntryKey = 1, kEntryValue = 2 };
enum { kVarint = 0, kLengthDelimited = 2 };
constexpr uint64_t kFloat = 1;  // TensorProto.DataType

std::string varint(uint64_t value) {
  std::string encoded;
  for (; value > 0x7f; value >>= 7) encoded += static_cast<char>((value & 0x7f) | 0x80);
  return encoded + static_cast<char>(value);
}

std::string number(uint64_t field, uint64_t value) { return varint(field << 3 | kVarint) + varint(value); }

std::string message(uint64_t field, const std::string& content) {
  return varint(field << 3 | kLengthDelimited) + varint(content.size()) + content;
}

std::string tensor(const Initializer& weights) {
  std::string content;
  for (const int64_t size : weights.shape) content += number(kTensorDims, static_cast<uint64_t>(size));
  const auto* bytes = reinterpret_cast<const char*>(weights.values.data());  // little-endian, as ONNX's are
  return content + number(kTensorDataType, kFloat) + message(kTensorName, weights.name) +
         message(kTensorRawData, std::string(bytes, weights.values.size() * sizeof(float)));
}

/* The shortest decimal between 0 and 1 that reads back as the same double, as Python writes it. */
std::string shortest(double probability) {
  char text[32];
  for (int digits = 1; digits <= 17; ++digits) {
    std::snprintf(text, sizeof text, "%.*g", digits, probability);
    if (std::strtod(text, nullptr) == probability) break;
  }
  return text;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> model_metadata(
    const std::vector<std::string>& labels, const std::vector<double>& thresholds, const InputSpec& input,
    const std::string& bundle, const std::vector<std::string>& known_labels) {
  std::string numbers;
  for (const double threshold : thresholds) numbers += (numbers.empty() ? "" : ", ") + shortest(threshold);
  std::vector<std::pair<std::string, std::string>> metadata = {
      {"desire_edge.labels", json_list(labels)},
      {"desire_edge.thresholds", "[" + numbers + "]"},
      {"desire_edge.input", input.to_json()},
      {"desire_edge.bundle", nlohmann::json(bundle).dump()}};
  if (!known_labels.empty()) metadata.emplace_back("desire_edge.known_labels", json_list(known_labels));
  return metadata;
}

std::string model_fragment(const std::vector<Initializer>& initializers,
                           const std::vector<std::pair<std::string, std::string>>& metadata) {
  std::string graph, entries;
  for (const Initializer& weights : initializers) graph += message(kGraphInitializer, tensor(weights));
  for (const auto& [key, value] : metadata) {
    entries += message(kModelMetadata, message(kEntryKey, key) + message(kEntryValue, value));
  }
  return message(kModelGraph, graph) + entries;
}

}  // namespace app
