#include "words.h"

#include <algorithm>

#include "compounds.h"
#include "text.h"

namespace app {
namespace {

/* The first eight bytes as a number in the order of the bytes, zeros after the end of a shorter word. */
uint64_t prefix_of(std::string_view word) {
  uint64_t prefix = 0;
  for (size_t i = 0; i < sizeof prefix; ++i) {
    prefix = prefix << 8 | (i < word.size() ? static_cast<uint8_t>(word[i]) : 0);
  }
  return prefix;
}

}  // namespace

Words::Words(const Tables& tables)
    : bytes_(tables.table("words", {"U8"}, 1).bytes),
      offsets_(tables.table("offsets", {"U32"}, 1).bytes),
      ranks_(tables.table("ranks", {"U32"}, 1).bytes) {
  tables.require(offsets_.size() >= 8, "it holds no word");
  const size_t count = offsets_.size() / 4 - 1;
  tables.require(number<uint32_t>(offsets_, 0) == 0 && number<uint32_t>(offsets_, count) == bytes_.size(),
                 "its offsets do not span the words");
  for (size_t i = 0; i < count; ++i) {
    const uint32_t start = number<uint32_t>(offsets_, i), end = number<uint32_t>(offsets_, i + 1);
    tables.require(start < end && end <= bytes_.size(), "its word offsets do not increase");
    tables.require(is_utf8(at(i)), "a word is not UTF-8");
    tables.require(i == 0 || at(i - 1) < at(i), "its words are not sorted");
  }
  tables.require(ranks_.size() == 4 * count, "it has another number of ranks than words");
  std::vector<bool> ranked(count);
  for (size_t i = 0; i < count; ++i) {
    tables.require(rank(i) < count && !ranked[rank(i)], "its ranks are not the numbers 0 to n - 1");
    ranked[rank(i)] = true;
  }
  prefixes_.reserve(count);
  for (size_t i = 0; i < count; ++i) prefixes_.push_back(prefix_of(at(i)));
}

std::string_view Words::at(size_t index) const {
  const uint32_t start = number<uint32_t>(offsets_, index);
  return bytes_.substr(start, number<uint32_t>(offsets_, index + 1) - start);
}

std::optional<size_t> Words::find(std::string_view folded) const {
  const uint64_t prefix = prefix_of(folded);
  const auto first = std::lower_bound(prefixes_.begin(), prefixes_.end(), prefix);
  for (auto index = static_cast<size_t>(first - prefixes_.begin());
       index < size() && prefixes_[index] == prefix; ++index) {
    if (at(index) == folded) return index;
  }
  return std::nullopt;
}

/* The words' indices, or nothing if one of them is unknown. */
std::vector<size_t> Words::find_all(const std::vector<std::string>& words) const {
  std::vector<size_t> found;
  for (const std::string& word : words) {
    const auto index = find(word);
    if (!index) return {};
    found.push_back(*index);
  }
  return found;
}

std::vector<size_t> Words::pieces(const std::string& text, std::string* how) const {
  const std::string folded = lower(text);
  *how = "words";
  if (const auto whole = find(folded)) return {*whole};
  std::vector<std::string> parts = split_camel_case(text);
  for (std::string& part : parts) part = lower(part);
  *how = "compound";
  if (auto found = find_all(parts); !found.empty()) return found;
  const std::string bare =
      folded.substr(0, folded.find_last_not_of("+#") + 1);  // an unknown "c#" is taken for "c"
  *how = "subwords";
  if (const auto whole = find(bare)) return {*whole};
  const auto split = split_compound(bare, [this](std::string_view piece) {
    const auto index = find(piece);
    return index ? std::optional(rank(*index)) : std::nullopt;
  });
  *how = !split ? "seeded" : split->complete ? "compound" : "subwords";
  return split ? find_all(split->pieces) : std::vector<size_t>{};
}

}  // namespace app
