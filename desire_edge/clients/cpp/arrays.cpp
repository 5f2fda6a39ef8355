#include "arrays.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "error.h"
#include "files.h"

namespace app {
namespace {

constexpr uint64_t kLongestHeader = 100 * kMiB;

/* Element sizes, in the order in which files hold the dtypes: the last first. */
const std::vector<std::pair<std::string, uint64_t>> kDtypes = {
    {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"I16", 2}, {"U16", 2}, {"F16", 2}, {"BF16", 2},
    {"I32", 4},  {"U32", 4}, {"F32", 4}, {"F64", 8}, {"I64", 8}, {"U64", 8}};

size_t place_of(const std::string& dtype) {
  return std::find_if(kDtypes.begin(), kDtypes.end(),
                      [&](const auto& known) { return known.first == dtype; }) -
         kDtypes.begin();
}

}  // namespace

uint16_t to_half(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;  // rounds beyond 65504
  if (magnitude < 0x38800000) {                       // below 2^-14: a multiple of 2^-24
    return sign | static_cast<uint16_t>(std::nearbyint(std::ldexp(std::fabs(value), 24)));
  }
  const uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
  return sign | static_cast<uint16_t>((rounded - 0x38000000) >> 13);
}

float from_half(uint16_t half) {
  const int exponent = half >> 10 & 0x1f;
  const int fraction = half & 0x3ff;
  const float magnitude = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                          : exponent == 0x1f
                              ? (fraction ? NAN : INFINITY)
                              : std::ldexp(static_cast<float>(fraction | 0x400), exponent - 25);
  return half & 0x8000 ? -magnitude : magnitude;
}

bool all_finite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); });
}

Safetensors read_safetensors(std::string_view content, const std::string& where, Code code) {
  const std::string unreadable = where + " is not a readable safetensors file: ";
  const auto require = [&](bool condition, const auto&... complaint) {
    if (!condition) refuse(code, unreadable, complaint...);
  };
  const auto size_in = [&](const nlohmann::json& value) {
    require(value.is_number_unsigned(), "a size in its header is no whole number");
    return value.get<uint64_t>();
  };
  uint64_t length = 0;
  require(content.size() > 8 && content[8] == '{', "it does not begin like one");
  for (int i = 7; i >= 0; --i) length = length << 8 | static_cast<uint8_t>(content[i]);
  require(length <= std::min<uint64_t>(content.size() - 8, kLongestHeader), "its header is cut short");
  const std::string_view body = content.substr(8 + length);
  Safetensors file;
  try {
    const auto header = parse_json(std::string(content.substr(8, length)), where, code);
    std::vector<std::pair<uint64_t, uint64_t>> parts;
    for (const auto& [name, entry] : header.items()) {
      if (name == "__metadata__") {
        file.metadata = entry.get<std::map<std::string, std::string>>();
        continue;
      }
      Tensor tensor{entry.at("dtype"), {}, {}};
      for (const auto& n : entry.at("shape")) tensor.shape.push_back(size_in(n));
      const auto& offsets = entry.at("data_offsets");
      require(offsets.is_array() && offsets.size() == 2, name, " has no beginning and end");
      const uint64_t first = size_in(offsets[0]), last = size_in(offsets[1]);
      const size_t place = place_of(tensor.dtype);
      require(place < kDtypes.size(), name, " is of the unknown type ", tensor.dtype);
      uint64_t size = kDtypes[place].second;
      for (const uint64_t n : tensor.shape) {
        require(n == 0 || size <= body.size() / n, name, " is larger than the file");
        size *= n;
      }
      require(first <= last && last <= body.size() && last - first == size, name,
              " has not the length of its shape");
      tensor.bytes = body.substr(first, size);
      parts.emplace_back(first, last);
      file.tensors.emplace(name, std::move(tensor));
    }
    std::sort(parts.begin(), parts.end());
    uint64_t end = 0;
    for (const auto& [first, last] : parts) {
      require(first == end, "its arrays overlap or leave gaps");
      end = last;
    }
    require(end == body.size(), "it has not the length its header says");
  } catch (const nlohmann::json::exception& error) {
    require(false, json_reason(error));
  }
  return file;
}

std::string write_safetensors(const std::map<std::string, Tensor>& tensors, const std::string& key,
                              const std::string& value) {
  std::vector<std::pair<std::string, const Tensor*>> order;
  for (const auto& [name, tensor] : tensors) order.emplace_back(name, &tensor);
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return place_of(a.second->dtype) > place_of(b.second->dtype);
  });
  nlohmann::ordered_json header;
  header["__metadata__"][key] = value;
  std::string body;
  for (const auto& [name, tensor] : order) {
    nlohmann::ordered_json& entry = header[name];
    entry["dtype"] = tensor->dtype;
    entry["shape"] = tensor->shape;
    entry["data_offsets"] = {body.size(), body.size() + tensor->bytes.size()};
    body += tensor->bytes;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  std::string file(8, '\0');
  for (int i = 0; i < 8; ++i) file[i] = static_cast<char>(text.size() >> (8 * i) & 0xff);
  return file + text + body;
}

}  // namespace app
