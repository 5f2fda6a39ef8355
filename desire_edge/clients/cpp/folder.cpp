#include "folder.h"

#include <algorithm>
#include <cctype>

#include "csv.h"
#include "error.h"
#include "files.h"
#include "input.h"
#include "names.h"
#include "text.h"

namespace app {
namespace fs = std::filesystem;
namespace {

constexpr size_t kLongestShown = 200;

void for_each_line(const std::string& text, const std::string& metadata, const Folder::Entry& entry) {
  size_t number = 0;
  for (const std::string& line : split_names(text, '\n')) {
    ++number;
    if (strip(line).empty()) continue;
    const std::string where = metadata + ", line " + std::to_string(number);
    const auto value = parse_json(line, where);
    if (!value.is_object()) refuse("entry"_code, where, " is not a JSON object with file_name and labels");
    entry(value, where);
  }
}

bool has(const Names& columns, const char* name) {
  return std::find(columns.begin(), columns.end(), name) != columns.end();
}

/* An entry as a line of metadata.jsonl would have it. */
nlohmann::json entry_of(const Names& columns, const Names& fields) {
  nlohmann::json entry = nlohmann::json::object();
  for (size_t column = 0; column < columns.size(); ++column) {
    const std::string& name = columns[column];
    if (name == "file_name" || name == "text") {
      if (fields[column].empty()) {
        entry.erase(name);
      } else {
        entry[name] = fields[column];
      }
    } else if (name == "labels" || name == "negative_labels" || name == "known_labels") {
      entry[name] = strip(fields[column]).empty() ? Names() : split_names(fields[column], ';');
    }
  }
  return entry;
}

void for_each_row(const std::string& text, const std::string& metadata, const Folder::Entry& entry) {
  for (const char separator : {',', ';', '\t'}) {
    CsvReader reader(text, separator);
    const Names columns = reader.next().value_or(Names());
    if (!has(columns, "file_name") && !has(columns, "text")) continue;
    if (!has(columns, "labels")) break;
    const auto where = [&] { return metadata + ", line " + std::to_string(reader.line()); };
    while (const auto fields = reader.next()) {
      if (fields->size() != columns.size()) {
        refuse("csv"_code, where(),
               " has not as many fields as the first line; quote what holds the character between fields");
      }
      entry(entry_of(columns, *fields), where());
    }
    if (reader.broken()) {
      refuse("csv"_code, where(),
             " is not valid CSV: a quote is not closed, doubled or around a whole field");
    }
    return;
  }
  refuse("columns"_code, metadata, " needs a first line with the columns file_name (or text) and labels");
}

/* The parts of a name of a file inside the folder, from the folder on; nothing where it leads out of it. */
std::optional<fs::path> inside_of(std::string name) {
  std::replace(name.begin(), name.end(), '\\', '/');
  const bool drive = name.size() > 1 && name[1] == ':' && std::isalpha(static_cast<unsigned char>(name[0]));
  if (name[0] == '/' || drive) return std::nullopt;
  fs::path inside;
  for (const std::string& part : split_names(name, '/')) {
    if (part == ".." && inside.empty()) return std::nullopt;
    if (part == "..") {
      inside = inside.parent_path();
    } else if (!part.empty() && part != ".") {
      inside /= part;
    }
  }
  return inside;
}

}  // namespace

Folder::Folder(const fs::path& path) : path_(path) {
  if (!fs::is_directory(path)) {
    refuse("folder-none"_code, "the support folder ", path.string(), " does not exist or is not a folder");
  }
  const fs::path lines = path / "metadata.jsonl", table = path / "metadata.csv";
  const bool has_lines = fs::is_regular_file(lines), has_table = fs::is_regular_file(table);
  if (has_lines && has_table) {
    refuse("metadata-both"_code, "the folder ", path.string(),
           " holds both metadata.jsonl and metadata.csv; keep one of them");
  }
  if (!has_lines && !has_table) {
    refuse("metadata-none"_code, "the support folder ", path.string(),
           " holds neither metadata.jsonl nor metadata.csv; write one of them, with an entry an example");
  }
  metadata_ = has_lines ? lines : table;
}

void Folder::for_each_entry(const Entry& entry) const {
  const std::string text = read_text(metadata_, kLargestInput);
  const auto read = metadata_.extension() == ".csv" ? for_each_row : for_each_line;
  read(text, metadata_.string(), entry);
}

std::optional<std::string> text_of(const nlohmann::json& entry, const std::string& where) {
  const auto text = entry.find("text"), name = entry.find("file_name");
  if (text == entry.end() || text->is_null()) return std::nullopt;
  if (name != entry.end() && !name->is_null() && *name != "") return std::nullopt;
  if (!text->is_string() || strip(text->get_ref<const std::string&>()).empty()) {
    refuse("input-type"_code, where, ": the text must be a string that is not blank");
  }
  return text->get<std::string>();
}

fs::path Folder::file_of(const nlohmann::json& entry, const std::string& where) {
  const auto found = entry.find("file_name");
  if (found == entry.end() || !found->is_string() || found->get_ref<const std::string&>().empty()) {
    refuse("file-name"_code, where, " has no file_name");
  }
  const auto& name = found->get_ref<const std::string&>();
  const auto no_name = [&] {
    refuse("file-name"_code, where, ": '", shown(name.substr(0, kLongestShown)), "' is no file name");
  };
  const auto outside = [&] {
    refuse("file-outside"_code, where, ": ", name,
           " lies outside the folder of the metadata; copy it into that folder");
  };
  if (has_control(name)) no_name();
  const auto inside = inside_of(name);
  if (!inside) outside();
  fs::path path = path_ / *inside;
  std::error_code status;
  bool exists = fs::is_regular_file(path, status);
  if (status && status != std::errc::no_such_file_or_directory && status != std::errc::not_a_directory)
    no_name();
  if (const auto other = exists ? std::nullopt : file_composed_as(inside->string())) {
    path = *other;
    exists = true;
  }
  const fs::path real = fs::weakly_canonical(path, status), folder = fs::canonical(path_);
  if (status) no_name();  // links in a circle
  const fs::path within = real.lexically_relative(folder);
  if (within.empty() || *within.begin() == "..") outside();
  if (!exists) refuse("file-missing"_code, where, ": the folder holds no file ", name);
  return path;
}

/* The file whose path is equal in NFC: some systems store names decomposed. */
std::optional<fs::path> Folder::file_composed_as(const std::string& name) {
  if (!files_) {
    files_.emplace();
    const auto options = fs::directory_options::skip_permission_denied;
    for (const auto& file : fs::recursive_directory_iterator(path_, options)) {
      std::error_code status;
      if (!file.is_regular_file(status)) continue;
      const std::string own = composed(file.path().lexically_relative(path_).string());
      const auto [known, added] = files_->emplace(own, file.path());
      if (!added) known->second = std::min(known->second, file.path());  // whatever the system's order
    }
  }
  const auto found = files_->find(composed(name));
  return found == files_->end() ? std::nullopt : std::optional(found->second);
}

}  // namespace app
