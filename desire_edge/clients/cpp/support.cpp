#include "support.h"

#include <algorithm>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "error.h"
#include "files.h"
#include "text.h"

namespace app {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMostExamples = 4096;
constexpr uint64_t kLargestMetadata = 16 * kMiB, kLargestFolder = 256 * kMiB;

using Entry = std::function<void(const nlohmann::json& entry, const std::string& where)>;

/* Calls `entry` for each line of metadata.jsonl. */
void for_each_line(const std::string& text, const fs::path& metadata, const Entry& entry) {
  size_t number = 0;
  for (size_t start = 0; start <= text.size(); ++number) {
    const size_t end = std::min(text.find('\n', start), text.size());
    const std::string line = text.substr(start, end - start);
    start = end + 1;
    if (strip(line).empty()) continue;
    const std::string where = metadata.string() + ", line " + std::to_string(number + 1);
    const auto value = parse_json(line, where);
    if (!value.is_object()) refuse(where, " is not a JSON object with file_name and labels");
    entry(value, where);
  }
}

/* The fields of each row of a CSV text, with the number of the line on which the row ends; blank lines are
 * none. */
std::vector<std::pair<size_t, Names>> csv_rows(const std::string& text, const fs::path& metadata) {
  std::vector<std::pair<size_t, Names>> rows;
  Names row = {""};
  size_t line = 1;
  enum { START, PLAIN, QUOTED, CLOSED } state = START;
  for (size_t i = 0; i <= text.size(); ++i) {
    const bool over = i == text.size();
    const char c = over ? '\n' : text[i];
    if (over && state == QUOTED)
      refuse(metadata.string(), ", line ", line, " is not valid CSV: unexpected end of data");
    if (state == QUOTED) {
      if (c == '"') {
        state = CLOSED;
      } else {
        row.back() += c;
      }
    } else if (c == '"' && state != PLAIN) {
      if (state == CLOSED) row.back() += c;  // a quote within quotes is doubled
      state = QUOTED;
    } else if (c == ',') {
      row.emplace_back();
      state = START;
    } else if (c == '\n' || c == '\r') {
      if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') ++i;
      if (row.size() > 1 || state != START) rows.emplace_back(line, row);
      row = {""};
      state = START;
    } else if (state == CLOSED) {
      refuse(metadata.string(), ", line ", line, " is not valid CSV: ',' expected after '\"'");
    } else {
      row.back() += c;
      state = PLAIN;
    }
    if (c == '\n' || c == '\r') ++line;
  }
  return rows;
}

/* Calls `entry` for each row of metadata.csv. */
void for_each_row(const std::string& text, const fs::path& metadata, const Entry& entry) {
  const auto rows = csv_rows(text, metadata);
  const Names columns = rows.empty() ? Names{} : rows.front().second;
  for (const char* column : {"file_name", "labels"}) {
    if (std::find(columns.begin(), columns.end(), column) == columns.end()) {
      refuse(metadata.string(), " needs a first line with the columns file_name and labels");
    }
  }
  for (size_t i = 1; i < rows.size(); ++i) {
    const auto& [line, fields] = rows[i];
    const std::string where = metadata.string() + ", line " + std::to_string(line);
    if (fields.size() != columns.size()) {
      refuse(where, " has not as many fields as the first line; separate labels by ; or quote them");
    }
    nlohmann::json value;
    for (size_t column = 0; column < columns.size(); ++column) {
      const std::string& name = columns[column];
      const std::string& field = fields[column];
      if (name == "file_name") value[name] = field;
      if (name != "labels" && name != "negative_labels" && name != "known_labels") continue;
      value[name] = nlohmann::json::array();
      for (size_t start = 0; !strip(field).empty() && start <= field.size();) {
        const size_t end = std::min(field.find(';', start), field.size());
        value[name].push_back(field.substr(start, end - start));
        start = end + 1;
      }
    }
    entry(value, where);
  }
}

/* The file that an entry names; paths and links that lead out of the folder are refused. */
fs::path file_of(const nlohmann::json& entry, const fs::path& folder, const std::string& where) {
  const auto found = entry.find("file_name");
  if (found == entry.end() || !found->is_string() || found->get<std::string>().empty())
    refuse(where, " has no file_name");
  const auto name = found->get<std::string>();
  const fs::path path = folder / name;
  std::error_code status;
  const fs::path inside = fs::weakly_canonical(path, status).lexically_relative(fs::canonical(folder));
  if (status || has_control(name)) refuse(where, ": '", shown(name.substr(0, 200)), "' is no file name");
  if (inside.empty() || *inside.begin() == "..") {
    refuse(where, ": ", name, " lies outside the folder of the metadata; copy it into that folder");
  }
  if (!fs::is_regular_file(path, status)) refuse(where, ": the folder holds no file ", name);
  return path;
}

Names names_of(const nlohmann::json& entry, const char* field, bool needed, const std::string& where) {
  const auto found = entry.find(field);
  if (!needed && (found == entry.end() || found->is_null())) return {};
  const bool is_list = found != entry.end() && found->is_array();
  if (!is_list ||
      !std::all_of(found->begin(), found->end(), [](const auto& name) { return name.is_string(); })) {
    refuse(where, ": ", field, " must be a list of names");
  }
  return check_names(found->get<Names>(), where);
}

}  // namespace

Names Support::names() const {
  Names names;
  for (const Example& example : examples) {
    for (const Names* labels : {&example.labels, &example.negative_labels}) {
      for (const std::string& label : *labels) {
        if (std::find(names.begin(), names.end(), label) == names.end()) names.push_back(label);
      }
    }
  }
  return names;
}

Support read_support(const fs::path& folder) {
  if (!fs::is_directory(folder)) {
    refuse("the support folder ", folder.string(), " does not exist or is not a folder");
  }
  const fs::path lines = folder / "metadata.jsonl", table = folder / "metadata.csv";
  const bool has_lines = fs::is_regular_file(lines), has_table = fs::is_regular_file(table);
  if (has_lines && has_table) {
    refuse("the folder ", folder.string(), " holds both metadata.jsonl and metadata.csv; keep one of them");
  }
  if (!has_lines && !has_table) {
    refuse("the support folder ", folder.string(),
           " holds neither metadata.jsonl nor metadata.csv; write one of them, with an entry an example");
  }
  const fs::path metadata = has_lines ? lines : table;
  std::string text = read_file(metadata, kLargestMetadata);
  if (!is_utf8(text)) refuse(metadata.string(), " is not UTF-8 text");
  if (text.compare(0, 3, "\xef\xbb\xbf") == 0) text.erase(0, 3);

  Support support;
  uint64_t bytes = 0;
  const Entry add = [&](const nlohmann::json& entry, const std::string& where) {
    if (support.examples.size() == kMostExamples) {
      refuse(metadata.string(), " names more than ", kMostExamples, " examples");
    }
    const fs::path path = file_of(entry, folder, where);
    bytes += fs::file_size(path);
    if (bytes > kLargestFolder) {
      refuse(metadata.string(), " names files of more than ", kLargestFolder / kMiB,
             " MiB in all; adapt with fewer or smaller ones");
    }
    Example example{read_input(path), names_of(entry, "labels", true, where),
                    names_of(entry, "negative_labels", false, where),
                    names_of(entry, "known_labels", false, where), path.string()};
    for (const std::string& label : example.negative_labels) {
      if (std::find(example.labels.begin(), example.labels.end(), label) != example.labels.end()) {
        refuse(where, ": '", label, "' is both a label and a negative label");
      }
    }
    support.examples.push_back(std::move(example));
  };
  has_lines ? for_each_line(text, metadata, add) : for_each_row(text, metadata, add);
  if (support.examples.empty()) {
    refuse(metadata.string(),
           " names no examples; add one, or go by names alone with --labels and no --support");
  }
  return support;
}

LabelCounts Targets::counts(int64_t label) const {
  LabelCounts counts;
  for (int64_t row = 0; row < mask.rows; ++row) {
    ++(mask[row][label] == 0      ? counts.unknown
       : targets[row][label] == 0 ? counts.negatives
                                  : counts.positives);
  }
  return counts;
}

Targets make_targets(const Support& support, const Names& names, bool missing_unknown) {
  const auto rows = static_cast<int64_t>(support.examples.size()),
             columns = static_cast<int64_t>(names.size());
  Targets made{Matrix(rows, columns), Matrix(rows, columns)};
  std::fill(made.mask.values.begin(), made.mask.values.end(), missing_unknown ? 0.f : 1.f);
  for (int64_t row = 0; row < rows; ++row) {
    const auto mark = [&](const std::string& label, float target) {
      const auto column = std::find(names.begin(), names.end(), label) - names.begin();
      made.targets[row][column] = target;
      made.mask[row][column] = 1;
    };
    for (const std::string& label : support.examples[row].labels) mark(label, 1);
    for (const std::string& label : support.examples[row].negative_labels) mark(label, 0);
  }
  return made;
}

Matrix known_rows(const std::vector<Names>& carried, const Names& items, const Names& base_labels,
                  const std::string& model) {
  Matrix rows(static_cast<int64_t>(items.size()), static_cast<int64_t>(base_labels.size()));
  for (int64_t row = 0; row < rows.rows; ++row) {
    for (const std::string& label : check_names(carried[row], "the known labels of " + items[row])) {
      if (base_labels.empty()) {
        refuse(items[row], " has known labels, but ", model,
               " does not use them; leave them away, or train with "
               "--set meta.known_labels=1.0 and export again");
      }
      const auto column = std::find(base_labels.begin(), base_labels.end(), label);
      if (column == base_labels.end()) {
        refuse(items[row], ": the known label '", label, "' is no base label of ", model);
      }
      rows[row][column - base_labels.begin()] = 1;
    }
  }
  return rows;
}

}  // namespace app
