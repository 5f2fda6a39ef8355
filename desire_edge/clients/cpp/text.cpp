#include "text.h"

#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <stdexcept>

#include "error.h"

namespace app {
namespace {

constexpr size_t kLongestName = 200;

icu::UnicodeString utf16(const std::string& text) { return icu::UnicodeString::fromUTF8(text); }

std::string utf8_of(const icu::UnicodeString& text) {
  std::string bytes;
  return text.toUTF8String(bytes);
}

icu::UnicodeString normalized(const std::string& text) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* nfkc = icu::Normalizer2::getNFKCInstance(status);
  icu::UnicodeString result;
  if (U_SUCCESS(status)) result = nfkc->normalize(utf16(text), status);
  if (U_FAILURE(status)) throw std::runtime_error(u_errorName(status));
  return result;
}

bool is_word_character(UChar32 c) {
  return (U_GET_GC_MASK(c) & (U_GC_L_MASK | U_GC_M_MASK | U_GC_N_MASK)) != 0;
}

/* As Python's str.isspace. */
bool is_space(UChar32 c) {
  const UCharDirection direction = u_charDirection(c);
  return u_charType(c) == U_SPACE_SEPARATOR || direction == U_WHITE_SPACE_NEUTRAL ||
         direction == U_BLOCK_SEPARATOR || direction == U_SEGMENT_SEPARATOR;
}

bool is_control(UChar32 c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069) || U_IS_SURROGATE(c);
}

std::vector<std::string> runs(icu::UnicodeString text) {
  text.findAndReplace(icu::UnicodeString(u'\''), icu::UnicodeString());
  text.findAndReplace(icu::UnicodeString(u'\u2019'), icu::UnicodeString());
  std::vector<std::string> words;
  for (int32_t start = 0; start < text.length();) {
    int32_t end = start;
    while (end < text.length() && is_word_character(text.char32At(end))) end = text.moveIndex32(end, 1);
    if (end == start) {
      start = text.moveIndex32(start, 1);
      continue;
    }
    if (text.compare(end, 2, icu::UnicodeString(u"++")) == 0) {
      end += 2;
    } else if (end < text.length() && text[end] == u'#') {
      end += 1;
    }
    words.push_back(utf8_of(text.tempSubStringBetween(start, end)));
    start = end;
  }
  return words;
}

}  // namespace

bool is_utf8(std::string_view text) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  for (size_t i = 0; i < text.size();) {
    UChar32 c;
    U8_NEXT(bytes, i, text.size(), c);
    if (c < 0) return false;
  }
  return true;
}

std::string strip(const std::string& text) {
  const icu::UnicodeString whole = utf16(text);
  int32_t start = 0, end = whole.length();
  while (start < end && is_space(whole.char32At(start))) start = whole.moveIndex32(start, 1);
  while (end > start && is_space(whole.char32At(whole.moveIndex32(end, -1))))
    end = whole.moveIndex32(end, -1);
  return utf8_of(whole.tempSubStringBetween(start, end));
}

std::string lower(const std::string& text) { return utf8_of(utf16(text).toLower(icu::Locale::getRoot())); }

std::string fold(const std::string& text) {
  return utf8_of(normalized(text).toLower(icu::Locale::getRoot()));
}

std::vector<std::string> tokenize(const std::string& text) {
  return runs(normalized(text).toLower(icu::Locale::getRoot()));
}

std::vector<std::string> split_name(const std::string& name) { return runs(normalized(name)); }

std::vector<std::string> split_camel_case(const std::string& word) {
  std::vector<std::string> parts(1);
  for (const char c : word) {
    if (c >= 'A' && c <= 'Z' && !parts.back().empty() && parts.back().back() >= 'a' &&
        parts.back().back() <= 'z') {
      parts.emplace_back();
    }
    parts.back() += c;
  }
  return parts;
}

std::u32string characters(const std::string& text) {
  std::u32string found;
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  for (size_t i = 0; i < text.size();) {
    UChar32 c;
    U8_NEXT_OR_FFFD(bytes, i, text.size(), c);
    found += static_cast<char32_t>(c);
  }
  return found;
}

std::string utf8(const std::u32string& characters) {
  icu::UnicodeString text;
  for (const char32_t c : characters) text.append(static_cast<UChar32>(c));
  return utf8_of(text);
}

bool is_decimal(const std::u32string& characters) {
  return std::all_of(characters.begin(), characters.end(), [](char32_t c) {
    return u_charType(static_cast<UChar32>(c)) == U_DECIMAL_DIGIT_NUMBER;
  });
}

bool has_control(const std::string& text) {
  const std::u32string all = characters(text);
  return std::any_of(all.begin(), all.end(), [](char32_t c) { return is_control(static_cast<UChar32>(c)); });
}

std::string shown(const std::string& text) {
  std::string safe;
  for (const char32_t c : characters(text)) {
    if (!is_control(static_cast<UChar32>(c))) {
      safe += utf8(std::u32string(1, c));
      continue;
    }
    char escape[16];
    std::snprintf(escape, sizeof escape,
                  c == '\n'   ? "\\n"
                  : c < 0x100 ? "\\x%02x"
                              : "\\u%04x",
                  static_cast<unsigned>(c));
    safe += escape;
  }
  return safe;
}

std::vector<std::string> check_names(const std::vector<std::string>& names, const std::string& where) {
  std::vector<std::string> checked;
  for (const std::string& name : names) {
    const std::string stripped = strip(name);
    if (stripped.empty()) refuse(where, ": a label name is empty");
    const std::u32string all = characters(stripped);
    if (all.size() > kLongestName || has_control(stripped)) {
      refuse(where, ": label names are at most ", kLongestName,
             " characters without control characters, and '", utf8(all.substr(0, 40)), "' is not");
    }
    if (std::find(checked.begin(), checked.end(), stripped) != checked.end()) {
      refuse(where, ": the label '", stripped, "' is named twice");
    }
    checked.push_back(stripped);
  }
  return checked;
}

}  // namespace app
