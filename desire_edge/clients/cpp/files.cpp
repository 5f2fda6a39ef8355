#include "files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string_view>
#include <system_error>

#include "text.h"

namespace app {
namespace fs = std::filesystem;
namespace {

constexpr int kDeepest = 512;           // levels of JSON
constexpr size_t kLongestReason = 160;  // bytes

constexpr std::string_view kMark = "\xef\xbb\xbf";  // the byte order mark

/* Whether the text is one number of JSON. */
bool is_number(std::string_view text) {
  size_t i = 0;
  const auto is = [&](const char* any) { return i < text.size() && std::strchr(any, text[i]) != nullptr; };
  const auto digits = [&] {
    const size_t start = i;
    while (is("0123456789")) ++i;
    return i - start;
  };
  if (is("-")) ++i;
  const bool zero = is("0");
  if (const size_t count = digits(); count == 0 || (zero && count > 1)) return false;
  if (is(".") && (++i, digits() == 0)) return false;
  if (is("eE")) {
    ++i;
    if (is("+-")) ++i;
    if (digits() == 0) return false;
  }
  return i == text.size();
}

/* The JSON text with the largest double in place of numbers beyond it, which the library refuses. */
std::string with_finite_numbers(const std::string& content) {
  constexpr char kParts[] = "0123456789.eE+-";
  std::string finite;
  size_t copied = 0;
  bool quoted = false;
  for (size_t i = 0; i < content.size(); ++i) {
    if (content[i] == '"') quoted = !quoted;
    if (quoted && content[i] == '\\') ++i;
    if (quoted || (content[i] != '-' && (content[i] < '0' || content[i] > '9'))) continue;
    const size_t end = std::min(content.find_first_not_of(kParts, i), content.size());
    const std::string number = content.substr(i, end - i);
    if (std::isinf(std::strtod(number.c_str(), nullptr)) && is_number(number)) {
      finite += content.substr(copied, i - copied) + (number[0] == '-' ? "-1e308" : "1e308");
      copied = end;
    }
    i = end - 1;
  }
  return finite + content.substr(copied);
}

/* Removes a temporary folder, whatever happens. */
struct Removed {
  fs::path path;
  ~Removed() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

[[noreturn]] void not_written(const fs::path& target, const std::string& reason) {
  refuse("invalid"_code, "could not write ", target.string(), ": ", reason,
         "; what was there before is unchanged");
}

/* Writes a new file and waits until it is on the disk. */
bool write_synced(const fs::path& path, const std::string& content) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0644);
  if (file < 0) return false;
  size_t done = 0;
  while (done < content.size()) {
    const ssize_t written = write(file, content.data() + done, content.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) break;
    done += static_cast<size_t>(written);
  }
  const bool whole = done == content.size() && fsync(file) == 0;
  return close(file) == 0 && whole;
}

/* Exchanges two folders in one step, so that neither name is ever missing; false where the system cannot. */
bool exchange([[maybe_unused]] const fs::path& first, [[maybe_unused]] const fs::path& second) {
#ifdef RENAME_EXCHANGE
  return renameat2(AT_FDCWD, first.c_str(), AT_FDCWD, second.c_str(), RENAME_EXCHANGE) == 0;
#else
  return false;
#endif
}

}  // namespace

std::string read_file(const fs::path& path, uint64_t limit) {
  std::ifstream file(path, std::ios::binary);
  std::error_code status;
  const uint64_t size = fs::is_regular_file(path, status) ? fs::file_size(path, status) : 0;
  if (!file || status || !fs::is_regular_file(path)) {
    refuse("invalid"_code, "cannot read ", path.string(), ": ",
           fs::exists(path, status) ? "no permission, or not a file" : "there is no such file");
  }
  if (size > limit) {
    refuse("file-large"_code, path.string(), " is larger than ", limit / kMiB, " MiB, so it is not read");
  }
  std::string content(size, '\0');
  file.read(content.data(), static_cast<std::streamsize>(size));
  if (file.gcount() != static_cast<std::streamsize>(size))
    refuse("invalid"_code, "cannot read ", path.string());
  return content;
}

std::string read_text(const fs::path& path, uint64_t limit) {
  std::string text = read_file(path, limit);
  if (!is_utf8(text)) refuse("encoding"_code, path.string(), " is not UTF-8 text; save it as UTF-8");
  if (text.compare(0, kMark.size(), kMark) == 0) text.erase(0, kMark.size());
  return text;
}

nlohmann::json parse_json(const std::string& content, const std::string& where, Code code) {
  // What is deeper is no file of ours, and walking it could exhaust the stack.
  const auto bounded = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    if (depth > kDeepest) refuse(code, where, " is not valid JSON: it is nested too deeply");
    return true;
  };
  // The library takes a NUL for the end, and skips a byte order mark.
  if (content.find('\0') != content.npos || content.compare(0, kMark.size(), kMark) == 0) {
    refuse(code, where, " is not valid JSON: it holds a character that is no part of it");
  }
  try {
    return nlohmann::json::parse(with_finite_numbers(content), bounded);
  } catch (const nlohmann::json::exception& error) {
    refuse(code, where, " is not valid JSON: ", json_reason(error));
  }
}

std::string json_reason(const nlohmann::json::exception& error) {
  const std::string whole =
      error.what();  // "[json.exception.KIND.NUMBER] what is wrong", with parts of the file
  return whole.substr(whole.find("] ") + 2, kLongestReason);
}

void write_folder(const fs::path& target, const std::map<std::string, std::string>& files) {
  try {
    fs::path place = fs::absolute(target).lexically_normal();
    if (!place.has_filename()) place = place.parent_path();  // NAME for NAME/
    if (fs::exists(place)) place = fs::canonical(place);     // of a link, the folder it names
    if (fs::exists(place) && fs::equivalent(place, "."))
      refuse("invalid"_code, target.string(), " is the folder you are in");
    fs::create_directories(place.parent_path());
    std::string pattern = (place.parent_path() / ("." + place.filename().string() + ".XXXXXX")).string();
    if (mkdtemp(pattern.data()) == nullptr) not_written(target, std::strerror(errno));
    const Removed temporary{pattern};
    fs::permissions(pattern, fs::perms(0755));
    for (const auto& [name, content] : files) {
      if (!write_synced(temporary.path / name, content)) not_written(target, std::strerror(errno));
    }
    if (!fs::exists(place)) {
      fs::rename(temporary.path, place);
    } else if (!exchange(temporary.path, place)) {
      const fs::path aside = pattern + ".old";
      fs::rename(place, aside);
      std::error_code status;
      fs::rename(temporary.path, place, status);
      if (status) {
        fs::rename(aside, place);
        not_written(target, status.message());
      }
      fs::remove_all(aside);
    }
  } catch (const fs::filesystem_error& error) {
    not_written(target, error.code().message());
  }
}

}  // namespace app
