#include "text.h"

#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <utility>

#include "characters.h"

namespace app {
namespace {

/* The character that begins at `*index`, which moves behind it; negative where it is not UTF-8. */
UChar32 next(std::string_view text, size_t* index) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  UChar32 c;
  U8_NEXT(bytes, *index, text.size(), c);
  return c;
}

/* Where each run of characters of one class begins, and the class. */
std::vector<std::pair<UChar32, char>> read_runs() {
  std::vector<std::pair<UChar32, char>> runs;
  UChar32 first = 0, length = 0;
  for (const char c : std::string_view(kCharacterRuns)) {
    if (c >= 'A' && c <= 'Z') {
      runs.emplace_back(first, c);
      first += length;
      length = 0;
    } else {
      length = 36 * length + (c <= '9' ? c - '0' : c - 'a' + 10);
    }
  }
  return runs;
}

/* The class of a character, as characters.h has them; of what is not UTF-8 as of what is unassigned. */
char class_of(UChar32 c) {
  static const std::vector<std::pair<UChar32, char>> runs = read_runs();
  if (c < 0) return 'U';
  if (c < 0x80) {  // most texts hold little else
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ? 'W' : 'O';
  }
  const auto after = std::upper_bound(runs.begin(), runs.end(), c,
                                      [](UChar32 value, const auto& run) { return value < run.first; });
  return std::prev(after)->second;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; });
}

/* Each longest run of assigned characters changed, all else as it is. */
template <typename Change>
std::string by_runs(const std::string& text, const Change& change) {
  std::string changed;
  size_t start = 0;
  for (size_t i = 0; i <= text.size();) {
    const size_t end = i;
    if (i < text.size() && class_of(next(text, &i)) != 'U') continue;
    if (end > start) {
      const auto run = icu::UnicodeString::fromUTF8(text.substr(start, end - start));
      change(run).toUTF8String(changed);
    }
    if (end == text.size()) break;
    changed += text.substr(end, i - end);
    start = i;
  }
  return changed;
}

icu::UnicodeString normalized(const icu::UnicodeString& text, const icu::Normalizer2* (*form)(UErrorCode&)) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* normalizer = form(status);
  icu::UnicodeString result;
  if (U_SUCCESS(status)) result = normalizer->normalize(text, status);
  if (U_FAILURE(status)) throw std::runtime_error(u_errorName(status));
  return result;
}

std::string nfkc(const std::string& text) {
  if (is_ascii(text)) return text;
  return by_runs(text, [](const auto& run) { return normalized(run, icu::Normalizer2::getNFKCInstance); });
}

bool is_space(UChar32 c) {
  return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

bool is_control(UChar32 c) { return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029; }

/* Marks that reorder text make it say something else on a terminal than in a file. */
bool is_safe(UChar32 c) {
  return !is_control(c) && !(c >= 0x202a && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069);
}

void erase_all(std::string* text, std::string_view part) {
  size_t kept = text->find(part);
  if (kept == text->npos) return;
  for (size_t i = kept; i < text->size();) {
    if (text->compare(i, part.size(), part) == 0) {
      i += part.size();
    } else {
      (*text)[kept++] = (*text)[i++];
    }
  }
  text->resize(kept);
}

std::vector<std::string> words_of(std::string text) {
  erase_all(&text, "'");
  erase_all(&text, "\u2019");
  std::vector<std::string> words;
  for (size_t i = 0; i < text.size();) {
    const size_t start = i;
    size_t end = i;
    while (i < text.size() && class_of(next(text, &i)) == 'W') end = i;
    if (end == start) continue;
    if (text.compare(end, 2, "++") == 0) {
      end += 2;
    } else if (text.compare(end, 1, "#") == 0) {
      end += 1;
    }
    words.push_back(text.substr(start, end - start));
    i = end;
  }
  return words;
}

}  // namespace

bool is_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    if (next(text, &i) < 0) return false;
  }
  return true;
}

std::string strip(const std::string& text) {
  size_t first = text.size(), last = 0;
  for (size_t i = 0; i < text.size();) {
    const size_t start = i;
    if (is_space(next(text, &i))) continue;
    first = std::min(first, start);
    last = i;
  }
  return first < last ? text.substr(first, last - first) : "";
}

std::string composed(const std::string& text) {
  if (is_ascii(text)) return text;
  return by_runs(text, [](const auto& run) { return normalized(run, icu::Normalizer2::getNFCInstance); });
}

std::string lower(const std::string& text) {
  if (is_ascii(text)) {
    std::string lowered = text;
    for (char& c : lowered) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    return lowered;
  }
  return by_runs(text, [](icu::UnicodeString run) { return run.toLower(icu::Locale::getRoot()); });
}

std::string fold(const std::string& text) { return lower(nfkc(text)); }

std::vector<std::string> tokenize(const std::string& text) { return words_of(fold(text)); }

std::vector<std::string> split_name(const std::string& name) { return words_of(nfkc(name)); }

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
  for (size_t i = 0; i < text.size();) {
    const UChar32 c = next(text, &i);
    found += static_cast<char32_t>(c < 0 ? 0xfffd : c);
  }
  return found;
}

std::string utf8(const std::u32string& characters) {
  icu::UnicodeString text;
  for (const char32_t c : characters) text.append(static_cast<UChar32>(c));
  std::string bytes;
  return text.toUTF8String(bytes);
}

bool is_decimal(const std::u32string& characters) {
  return std::all_of(characters.begin(), characters.end(), [](char32_t c) {
    return u_charType(static_cast<UChar32>(c)) == U_DECIMAL_DIGIT_NUMBER;
  });
}

bool has_control(const std::string& text) {
  for (size_t i = 0; i < text.size();) {
    if (is_control(next(text, &i))) return true;  // as negative as what is not UTF-8
  }
  return false;
}

std::string shown(const std::string& text) {
  std::string safe;
  for (const char32_t c : characters(text)) {
    if (is_safe(static_cast<UChar32>(c))) {
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

}  // namespace app
