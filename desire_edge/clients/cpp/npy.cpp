#include "npy.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <string_view>

#include "arrays.h"
#include "error.h"

namespace app {
namespace {

constexpr size_t kLongestHeader = 10000;

struct Header {
  std::string type; /* as NumPy writes it: "<f4"; empty if it is no plain one */
  std::vector<uint64_t> shape;
};

/* Reads a header, the literal of a Python dict: {'descr': '<f4', 'fortran_order': False, 'shape': (3,), } */
class HeaderReader {
 public:
  HeaderReader(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  Header read() {
    Header header;
    std::map<std::string, int> found;
    expect('{');
    while (!take('}')) {
      const std::string key = quoted();
      expect(':');
      ++found[key];
      if (key == "descr") {
        skip_space();
        if (at_ < text_.size() && (text_[at_] == '\'' || text_[at_] == '"')) {
          header.type = quoted();
        } else {
          skip_fields();
        }
      } else if (key == "fortran_order") {
        // One row is the same in either order.
        if (!take_word("True") && !take_word("False")) refuse_it();
      } else if (key == "shape") {
        header.shape = tuple();
      }
      if (!take(',') && !peek('}')) refuse_it();
    }
    skip_space();
    const std::map<std::string, int> needed = {{"descr", 1}, {"fortran_order", 1}, {"shape", 1}};
    if (at_ != text_.size() || found != needed) refuse_it();
    return header;
  }

 private:
  [[noreturn]] void refuse_it() const {
    refuse("npy"_code, where_, " is not a readable .npy file: its header does not say what it holds");
  }

  void skip_space() { at_ = std::min(text_.find_first_not_of(" \t\n", at_), text_.size()); }

  bool peek(char c) {
    skip_space();
    return at_ < text_.size() && text_[at_] == c;
  }

  bool take(char c) {
    const bool there = peek(c);
    at_ += there;
    return there;
  }

  bool take_word(std::string_view word) {
    skip_space();
    const bool there = text_.substr(at_, word.size()) == word;
    at_ += there ? word.size() : 0;
    return there;
  }

  void expect(char c) {
    if (!take(c)) refuse_it();
  }

  std::string quoted() {
    skip_space();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    const size_t end = text_.find(quote, at_ + 1);
    if ((quote != '\'' && quote != '"') || end == text_.npos) refuse_it();
    const std::string_view content = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return std::string(content);
  }

  /* A list of fields, as records have them. */
  void skip_fields() {
    int depth = 0;
    do {
      if (at_ == text_.size()) refuse_it();
      const char c = text_[at_++];
      depth += (c == '[' || c == '(') - (c == ']' || c == ')');
    } while (depth > 0);
    if (text_[at_ - 1] != ']' && text_[at_ - 1] != ')') refuse_it();
  }

  std::vector<uint64_t> tuple() {
    std::vector<uint64_t> sizes;
    expect('(');
    while (!take(')')) {
      skip_space();
      uint64_t size = 0;
      const size_t start = at_;
      for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
        if (at_ - start == 18) refuse_it();  // more than any file holds
        size = 10 * size + static_cast<uint64_t>(text_[at_] - '0');
      }
      const bool more = take(',');
      if (at_ == start || (!more && (!peek(')') || sizes.empty()))) refuse_it();  // "(3)" is a number
      sizes.push_back(size);
    }
    return sizes;
  }

  std::string_view text_;
  const std::string& where_;
  size_t at_ = 0;
};

template <typename T>
std::vector<float> each(std::string_view bytes, bool swap, float (*convert)(T)) {
  std::vector<float> values(bytes.size() / sizeof(T));
  for (size_t i = 0; i < values.size(); ++i) {
    char element[sizeof(T)];
    std::memcpy(element, bytes.data() + i * sizeof(T), sizeof(T));
    if (swap) std::reverse(element, element + sizeof(T));
    T value;
    std::memcpy(&value, element, sizeof(T));
    values[i] = convert(value);
  }
  return values;
}

template <typename T>
std::vector<float> converted(std::string_view bytes, bool swap) {
  return each<T>(bytes, swap, [](T value) { return static_cast<float>(value); });
}

using Convert = std::vector<float> (*)(std::string_view bytes, bool swap);

/* Element sizes and conversions, by the type without its byte order. */
const std::map<std::string, std::pair<size_t, Convert>> kTypes = {
    {"b1",
     {1,
      [](std::string_view bytes, bool swap) {
        return each<uint8_t>(bytes, swap, [](uint8_t value) { return value != 0 ? 1.f : 0.f; });
      }}},
    {"i1", {1, converted<int8_t>}},
    {"i2", {2, converted<int16_t>}},
    {"i4", {4, converted<int32_t>}},
    {"i8", {8, converted<int64_t>}},
    {"u1", {1, converted<uint8_t>}},
    {"u2", {2, converted<uint16_t>}},
    {"u4", {4, converted<uint32_t>}},
    {"u8", {8, converted<uint64_t>}},
    {"f2", {2, [](std::string_view bytes, bool swap) { return each<uint16_t>(bytes, swap, from_half); }}},
    {"f4", {4, converted<float>}},
    {"f8", {8, converted<double>}}};

}  // namespace

std::vector<float> read_npy(const std::string& content, const std::string& where) {
  const auto unreadable = [&](const auto&... why) {
    refuse("npy"_code, where, " is not a readable .npy file: ", why...);
  };
  if (content.compare(0, 6, "\x93NUMPY") != 0 || content.size() < 12)
    unreadable("it does not begin like one");
  const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<uint8_t>(content[i])); };
  if (byte(6) < 1 || byte(6) > 3 || byte(7) != 0) unreadable("it is of a version that is not known");
  const size_t prefix = byte(6) == 1 ? 10 : 12;
  size_t length = byte(8) | byte(9) << 8;
  if (byte(6) != 1) length |= byte(10) << 16 | byte(11) << 24;
  if (length > kLongestHeader || length > content.size() - prefix)
    unreadable("its header is cut short or too long");
  const Header header = HeaderReader(std::string_view(content).substr(prefix, length), where).read();

  const bool ordered =
      !header.type.empty() && std::string_view("<>|=").find(header.type[0]) != std::string_view::npos;
  const auto type = kTypes.find(header.type.substr(ordered));
  if (type == kTypes.end())
    refuse("input-type"_code, where, " does not hold plain numbers, but '", header.type, "'");
  const auto [size, convert] = type->second;
  const std::string_view bytes = std::string_view(content).substr(prefix + length);
  uint64_t count = 1;
  for (const uint64_t n : header.shape) {
    if (n != 0 && count > bytes.size() / n) unreadable("it is shorter than its header says");
    count *= n;
  }
  if (count > bytes.size() / size) unreadable("it is shorter than its header says");
  if (count < bytes.size() / size || bytes.size() % size != 0) {
    unreadable("it is longer than its header says");
  }
  const std::vector<uint64_t>& shape = header.shape;
  if (!(shape.size() == 1 || (shape.size() == 2 && shape[0] == 1))) {
    std::string sizes;
    for (const uint64_t n : shape) sizes += (sizes.empty() ? "" : ", ") + std::to_string(n);
    refuse("input-shape"_code, where, " has shape [", sizes, "], but an example is one row of numbers");
  }
  return convert(bytes, header.type[0] == '>');
}

}  // namespace app
