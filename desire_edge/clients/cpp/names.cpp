#include "names.h"

#include <algorithm>
#include <set>

#include "error.h"
#include "text.h"

namespace app {
namespace {

constexpr size_t kLongestName = 200, kLongestShown = 40;  // characters

/* Format characters that nobody sees, but for the joiners U+200C and U+200D, which carry meaning. */
bool is_invisible(char32_t c) {
  return c == 0xad || c == 0x61c || c == 0x180e || c == 0x200b || c == 0x200e || c == 0x200f ||
         (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x2064) || (c >= 0x2066 && c <= 0x206f) ||
         c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb);
}

std::string check_name(const nlohmann::json& name, const std::string& where) {
  if (!name.is_string()) refuse("name-type"_code, where, ": a label is ", brief(name), ", not a name");
  const auto& given = name.get_ref<const std::string&>();
  const std::string clean = cleaned(given);
  const std::u32string all = characters(clean);
  if (clean.empty()) refuse("name-empty"_code, where, ": a label name is empty");
  const auto not_one = [&](Code code) {
    refuse(code, where, ": label names are at most ", kLongestName,
           " characters without control characters, and '", shown(utf8(all.substr(0, kLongestShown))),
           "' is not");
  };
  if (all.size() > kLongestName) not_one("name-long"_code);
  if (has_control(clean) || !is_utf8(given)) not_one("name-control"_code);
  return clean;
}

}  // namespace

std::string cleaned(const std::string& name) {
  std::u32string all = characters(name);
  all.erase(std::remove_if(all.begin(), all.end(), is_invisible), all.end());
  return strip(composed(utf8(all)));
}

Names check_names(const nlohmann::json& list, const std::string& where, const std::string& field) {
  if (!list.is_array()) {
    refuse("names-type"_code, where, ": ", field, " must be a list of names, and is ", brief(list));
  }
  Names names;
  for (const auto& name : list) names.push_back(check_name(name, where));
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (!seen.insert(name).second) {
      refuse("name-twice"_code, where, ": the label '", name, "' is named twice");
    }
  }
  return names;
}

Names split_names(const std::string& list, char separator) {
  Names names;
  for (size_t start = 0; start <= list.size();) {
    const size_t end = std::min(list.find(separator, start), list.size());
    names.push_back(list.substr(start, end - start));
    start = end + 1;
  }
  return names;
}

std::string brief(const nlohmann::json& value) {
  const std::string text = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  return text.size() > kLongestShown ? text.substr(0, kLongestShown) + "…" : text;
}

}  // namespace app
