/* A bundle's manifest.json, the first of its files that is read: what it is, its sizes, every file's digest;
 * as desire_edge/runtime/manifest.py. */
#ifndef DESIRE_EDGE_APP_MANIFEST_H
#define DESIRE_EDGE_APP_MANIFEST_H

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "input.h"
#include "names.h"

namespace app {

constexpr char kManifest[] = "manifest.json", kBase[] = "base.onnx", kExtractor[] = "extractor.onnx",
               kHeadFragment[] = "head.fragment.onnx", kSemantics[] = "semantics.safetensors",
               kLexicon[] = "lexicon.safetensors";
/* A user's part: as ONNX Runtime reads it, and what its columns are. */
constexpr char kAdapter[] = "task.onnx_adapter", kSaid[] = "task.json";
constexpr char kLexiconNames[] = "lexicon";
constexpr char kPaper[] = "paper", kPrior[] = "prior";

/* What adapting and predicting need of what docs/bundle.md says of a manifest; all of it is checked. */
struct Manifest {
  struct File {
    uint64_t bytes;
    std::string sha256;
  };

  std::string name;
  int64_t dimension, ways; /* dimension: of the features */
  std::string head;        /* what learns: kPaper or kPrior */
  int64_t hidden;          /* of the paper's head, else 0 */
  Names base_labels;
  bool known_labels; /* whether the model uses the base labels that an item is known to carry */
  InputSpec input;
  std::string names;      /* where labels' vectors come from: kLexiconNames, or "extractor" */
  int64_t name_dimension; /* of these vectors */
  std::map<std::string, File> files;
  std::string extractor; /* the file that makes z of x: the base, or before schema 7 the extractor alone */
};

Manifest read_manifest(const std::filesystem::path& path);

/* In hexadecimal. */
std::string sha256(const std::string& content);

}  // namespace app

#endif
