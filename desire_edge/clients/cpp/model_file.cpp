#include "model_file.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "error.h"

namespace app {
namespace {

// Fields of ModelProto, GraphProto, TensorProto and StringStringEntryProto (onnx.proto3), and their wire
// types.
enum { kModelGraph = 7, kModelMetadata = 14 };
enum { kGraphName = 2, kGraphInitializer = 5, kGraphInput = 11, kGraphOutput = 12, kValueName = 1 };
enum { kTensorDims = 1, kTensorDataType = 2, kTensorName = 8, kTensorRawData = 9 };
enum { kEntryKey = 1, kEntryValue = 2 };
enum { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5 };
constexpr int kLongestVarint = 10;  // bytes of a number of 64 bits
constexpr uint64_t kFloat = 1;      // TensorProto.DataType

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

/* One field of a message: which, of what kind, what a length-delimited one holds, all its bytes. */
struct Field {
  uint64_t number;
  uint64_t kind;
  std::string_view content;
  std::string_view encoded;
};

/* The fields of a serialised message, which errors call `name`; messages within are not looked into. */
class Fields {
 public:
  Fields(const std::string& name, std::string_view message) : name_(name), message_(message) {}

  /* The next field, if there is one. */
  bool next(Field* field) {
    if (at_ == message_.size()) return false;
    const size_t start = at_;
    const uint64_t key = varint();
    uint64_t length = 0;
    field->number = key >> 3;
    field->kind = key & 7;
    if (field->number == 0 || key > UINT32_MAX) refuse_part("no field begins at byte ", start);
    switch (field->kind) {
      case kVarint:
        varint();
        break;
      case kFixed64:
        length = 8;
        break;
      case kLengthDelimited:
        length = varint();
        break;
      case kFixed32:
        length = 4;
        break;
      default:
        refuse_part("no field begins at byte ", start);
    }
    if (length > message_.size() - at_) refuse_part("the field at byte ", start, " breaks off");
    field->content = message_.substr(at_, length);
    at_ += length;
    field->encoded = message_.substr(start, at_ - start);
    return true;
  }

  template <typename... Reason>
  [[noreturn]] void refuse_part(const Reason&... reason) const {
    refuse("onnx"_code, name_, " is not a whole ONNX file: ", reason..., "; export the bundle again");
  }

 private:
  uint64_t varint() {
    const size_t start = at_;
    uint64_t value = 0;
    for (int place = 0; place < kLongestVarint && at_ < message_.size(); ++place) {
      const auto byte = static_cast<unsigned char>(message_[at_++]);
      value |= uint64_t{byte & 0x7fu} << 7 * place;
      if (place == kLongestVarint - 1 && byte > 1) break;
      if (byte < 0x80) return value;
    }
    refuse_part("the number at byte ", start, " has no end, or over 64 bits");
  }

  const std::string& name_;
  std::string_view message_;
  size_t at_ = 0;
};

/* The name that a message of the file `file` says in its field `number`; "" where it says none. */
std::string name_of(const std::string& file, const Field& message, uint64_t number) {
  Fields fields(file, message.content);
  if (message.kind != kLengthDelimited) fields.refuse_part("what should be a message is a number");
  for (Field field; fields.next(&field);) {
    if (field.number == number && field.kind == kLengthDelimited) return std::string(field.content);
  }
  return "";
}

/* Adds the graph's fields of a serialised ModelProto that are `kept` to `graph`, and what it holds beside its
 * graph to `others`. */
template <typename Kept>
void take_apart(const ModelPart& part, const Kept& kept, std::string* others, std::string* graph) {
  const size_t before = graph->size();
  Fields fields(part.name, part.bytes);
  for (Field field; fields.next(&field);) {
    if (field.number != kModelGraph) {
      others->append(field.encoded);
    } else if (field.kind == kLengthDelimited) {
      Fields inner(part.name, field.content);
      for (Field one; inner.next(&one);) {
        if (kept(one)) graph->append(one.encoded);
      }
    }
  }
  if (graph->size() == before) fields.refuse_part("it holds no graph");
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

/* A ModelProto of one graph: the graph's fields, then the weights. */
std::string whole_model(const std::string& others, std::string graph, const std::vector<Initializer>& weights,
                        const std::vector<std::pair<std::string, std::string>>& metadata) {
  std::string entries;
  for (const Initializer& weight : weights) graph += message(kGraphInitializer, tensor(weight));
  for (const auto& [key, value] : metadata) {
    entries += message(kModelMetadata, message(kEntryKey, key) + message(kEntryValue, value));
  }
  return others + message(kModelGraph, graph) + entries;
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

std::string standalone_model(const ModelPart& base, const std::vector<Initializer>& weights,
                             const std::vector<std::pair<std::string, std::string>>& metadata) {
  std::string others, graph;
  const auto kept = [&](const Field& field) {
    if (field.number == kGraphInput) {
      const std::string name = name_of(base.name, field, kValueName);
      return name.rfind("task.", 0) != 0 && name.rfind("base.", 0) != 0;  // what has a default
    }
    if (field.number == kGraphOutput) return name_of(base.name, field, kValueName) == "probabilities";
    if (field.number != kGraphInitializer) return true;
    const std::string name = name_of(base.name, field, kTensorName);
    return std::none_of(weights.begin(), weights.end(),
                        [&](const Initializer& weight) { return weight.name == name; });
  };
  take_apart(base, kept, &others, &graph);
  return whole_model(others, std::move(graph), weights, metadata);
}

std::string complete_model(const std::vector<ModelPart>& parts, const std::vector<Initializer>& initializers,
                           const std::vector<std::pair<std::string, std::string>>& metadata) {
  std::string others, graph, left_away;
  for (const ModelPart& part : parts) {
    const bool first = &part == &parts.front();
    const auto kept = [&](const Field& field) {
      return !first || (field.number != kGraphName && field.number != kGraphOutput);
    };
    take_apart(part, kept, first ? &others : &left_away, &graph);
  }
  return whole_model(others, std::move(graph), initializers, metadata);
}

}  // namespace app
