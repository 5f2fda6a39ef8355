#include "support.h"

#include <algorithm>
#include <map>
#include <utility>

#include "error.h"
#include "files.h"
#include "folder.h"

namespace app {
namespace fs = std::filesystem;
namespace {

constexpr uint64_t kLargestFolder = 256 * kMiB;

/* The names in one of an entry's lists, which may be left away but for its labels. */
Names names_in(const nlohmann::json& entry, const char* field, const std::string& where) {
  const auto value = entry.value(field, nlohmann::json());
  const bool nothing = value.is_null() || value == "";
  return nothing && field != std::string("labels") ? Names() : check_names(value, where, field);
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

Example example_of(const nlohmann::json& entry, RawInput raw, const std::string& where) {
  Example example{std::move(raw), names_in(entry, "labels", where), names_in(entry, "negative_labels", where),
                  names_in(entry, "known_labels", where), where};
  for (const std::string& label : example.negative_labels) {
    if (std::find(example.labels.begin(), example.labels.end(), label) != example.labels.end()) {
      refuse("name-both"_code, where, ": '", label, "' is both a label and a negative label");
    }
  }
  return example;
}

Support read_support(const fs::path& path) {
  Folder folder(path);
  const std::string metadata = folder.metadata().string();
  Support support;
  uint64_t bytes = 0;
  folder.for_each_entry([&](const nlohmann::json& entry, const std::string& where) {
    if (support.examples.size() == kMostExamples) {
      refuse("examples-many"_code, metadata, " names more than ", kMostExamples, " examples");
    }
    if (const auto text = text_of(entry, where)) {
      support.examples.push_back(example_of(entry, RawInput(*text), where));
      return;
    }
    const fs::path file = folder.file_of(entry, where);
    RawInput raw = read_input(file);
    bytes += fs::file_size(file);
    if (bytes > kLargestFolder) {
      refuse("folder-large"_code, metadata, " names files of more than ", kLargestFolder / kMiB,
             " MiB in all; adapt with fewer or smaller ones");
    }
    support.examples.push_back(example_of(entry, std::move(raw), where));
    support.examples.back().name = file.string();
  });
  if (support.examples.empty()) {
    refuse("examples-none"_code, metadata,
           " names no examples; add one, or go by names alone with --labels and no --support");
  }
  return support;
}

bool missing_is_unknown(const std::string& missing) {
  if (missing != "negative" && missing != "unknown") {
    refuse("missing-value"_code, "missing is '", missing, "', and must be negative or unknown");
  }
  return missing == "unknown";
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
  std::map<std::string, size_t> columns;
  for (size_t column = 0; column < base_labels.size(); ++column)
    columns[cleaned(base_labels[column])] = column;
  Matrix rows(static_cast<int64_t>(items.size()), static_cast<int64_t>(base_labels.size()));
  for (int64_t row = 0; row < rows.rows; ++row) {
    for (const std::string& label : check_names(carried[row], "the known labels of " + items[row])) {
      if (base_labels.empty()) {
        refuse("known-unused"_code, items[row], " has known labels, but ", model,
               " does not use them; leave them away, or train with "
               "--set meta.known_labels=1.0 and export again");
      }
      const auto column = columns.find(label);
      if (column == columns.end()) {
        refuse("known-unknown"_code, items[row], ": the known label '", label, "' is no base label of ",
               model);
      }
      rows[row][column->second] = 1;
    }
  }
  return rows;
}

}  // namespace app
