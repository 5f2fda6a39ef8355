/* The support set: examples with the labels a user gave them; as desire_edge/runtime/support.py. */
#ifndef DESIRE_EDGE_APP_SUPPORT_H
#define DESIRE_EDGE_APP_SUPPORT_H

#include <filesystem>
#include <string>
#include <vector>

#include "arrays.h"
#include "input.h"
#include "names.h"

namespace app {

constexpr size_t kMostExamples = 4096;

struct Example {
  RawInput raw;
  Names labels;
  Names negative_labels; /* labels it is known not to have */
  Names known_labels;    /* base labels it is known to carry, for a model that uses them */
  std::string name;      /* in messages */
};

struct Support {
  std::vector<Example> examples;

  /* All label names, in the order in which they first appear. */
  Names names() const;
};

/* An example from its raw input and its lists of names, `labels`, `negative_labels` and `known_labels`, of
 * which the latter two may be left away. */
Example example_of(const nlohmann::json& entry, RawInput raw, const std::string& where);

/* Reads metadata.jsonl or metadata.csv and the files it names, none outside the folder. */
Support read_support(const std::filesystem::path& folder);

/* What it means that an example lacks a label, "negative" or "unknown": whether the latter. */
bool missing_is_unknown(const std::string& missing);

/* Targets and mask, both [S, N]. A label that an example does not speak of is 0, and known unless
 * `missing_unknown`. */
struct LabelCounts {
  int64_t positives = 0, negatives = 0, unknown = 0;
};
struct Targets {
  Matrix targets, mask;

  LabelCounts counts(int64_t label) const;
};
Targets make_targets(const Support& support, const Names& names, bool missing_unknown);

/* Known labels by name -> rows of 0 and 1, [n, B]; [n, 0] for a model that does not use them. */
Matrix known_rows(const std::vector<Names>& carried, const Names& items, const Names& base_labels,
                  const std::string& model);

}  // namespace app

#endif
