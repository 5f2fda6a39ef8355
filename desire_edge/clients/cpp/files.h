/* Reading files of unknown origin within bounds, and replacing a folder as a whole. */
#ifndef DESIRE_EDGE_APP_FILES_H
#define DESIRE_EDGE_APP_FILES_H

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "error.h"

namespace app {

constexpr uint64_t kMiB = uint64_t{1} << 20;

/* The file's bytes; files longer than `limit` bytes are refused. */
std::string read_file(const std::filesystem::path& path, uint64_t limit);

/* The text of a file of UTF-8, without its byte order mark, if it has one; others are refused. */
std::string read_text(const std::filesystem::path& path, uint64_t limit);

/* The JSON value in `content`; an Error "`where` is not valid JSON: ..." where there is none. Numbers beyond
 * double precision are the largest there are, so that they are too large for single precision too. */
nlohmann::json parse_json(const std::string& content, const std::string& where, Code code = "json"_code);

/* What the JSON library says is wrong, in brief. */
std::string json_reason(const nlohmann::json::exception& error);

/* Writes the files (name -> bytes) as the folder `target`, which they replace; a failure leaves it as it was.
 */
void write_folder(const std::filesystem::path& target, const std::map<std::string, std::string>& files);

}  // namespace app

#endif
