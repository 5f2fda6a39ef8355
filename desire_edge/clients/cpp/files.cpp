#include "files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "error.h"

namespace app {
namespace fs = std::filesystem;
namespace {

constexpr int kDeepest = 512;           // levels of JSON
constexpr size_t kLongestReason = 160;  // bytes

/* Removes a temporary folder, whatever happens. */
struct Removed {
  fs::path path;
  ~Removed() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

[[noreturn]] void not_written(const fs::path& target, const std::string& reason) {
  refuse("could not write ", target.string(), ": ", reason, "; what was there before is unchanged");
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
    refuse("cannot read ", path.string(), ": ",
           fs::exists(path, status) ? "no permission, or not a file" : "there is no such file");
  }
  if (size > limit) {
    refuse(path.string(), " is larger than ", limit / kMiB, " MiB, so it is not read");
  }
  std::string content(size, '\0');
  file.read(content.data(), static_cast<std::streamsize>(size));
  if (file.gcount() != static_cast<std::streamsize>(size)) refuse("cannot read ", path.string());
  return content;
}

nlohmann::json parse_json(const std::string& content, const std::string& where) {
  // What is deeper is no file of ours, and walking it could exhaust the stack.
  const auto bounded = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    if (depth > kDeepest) refuse(where, " is not valid JSON: it is nested too deeply");
    return true;
  };
  try {
    return nlohmann::json::parse(content, bounded);
  } catch (const nlohmann::json::exception& error) {
    refuse(where, " is not valid JSON: ", json_reason(error));
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
    if (fs::exists(place) && fs::equivalent(place, ".")) refuse(target.string(), " is the folder you are in");
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
