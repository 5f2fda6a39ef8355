/* The bundle: everything a device needs to learn new labels; as desire_edge/runtime/bundle.py. */
#ifndef DESIRE_EDGE_APP_BUNDLE_H
#define DESIRE_EDGE_APP_BUNDLE_H

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "adaptation.h"
#include "input.h"
#include "lexicon.h"
#include "manifest.h"
#include "session.h"
#include "support.h"

namespace app {

/* What `Bundle::adapt` makes. */
struct Task {
  std::string model;                         /* the completed model's bytes, for any ONNX Runtime */
  std::string taught;                        /* task.safetensors: what it was taught, without raw input */
  std::map<std::string, std::string> assets; /* the files that the model's input needs beside it */
  LabelMatrix labels;
  Targets support;
  AdaptedHead head;
  int64_t known_labels = 0; /* examples that came with known base labels */
  size_t text_words = 0, known_text_words = 0;
  double extract_seconds = 0, adapt_seconds = 0;
  std::vector<std::string> warnings;
};

class Bundle {
 public:
  /* Opens the bundle in `folder`: sizes, shapes and every file's SHA-256 are checked. `threads` are those of
   * one run of its models; 0 takes all cores. */
  explicit Bundle(const std::filesystem::path& folder, int threads = 1);

  /* Teaches the model `names` from the support, or by the names alone where it is empty. */
  Task adapt(const Support& support, const Names& names, bool missing_unknown);
  const Manifest& manifest() const { return manifest_; }
  const InputSpec& input() const { return manifest_.input; }
  /* The opened base, which all users share, each with a part of their own. A bundle before schema 7, which has
   * none, and a base without the inputs and outputs of the manifest's head are refused. */
  std::shared_ptr<Session> base() const;
  /* The names of the weights that a user's part is. */
  Names part() const { return part_names(semantics_); }
  /* z [n, d] of n examples' features. */
  Matrix extract(const std::vector<Features>& features) { return extractor_->run("z", features); }

 private:
  std::string path_of(const std::string& file) const { return (folder_ / file).string(); }
  void read_files();
  Matrix extract(const Support& support, std::vector<Features>* features);
  void read_semantics();
  void check_labels(const Support& support, const Names& names) const;
  Names warnings(const Support& support, const Task& task) const;
  std::string serialize(const Task& task, const Matrix& z, const Matrix& known) const;

  std::filesystem::path folder_;
  Manifest manifest_;
  std::map<std::string, std::string> files_; /* the bytes of those that adapting reads */
  Semantics semantics_;
  std::unique_ptr<Lexicon> lexicon_;   /* none where labels' vectors come from the extractor */
  std::shared_ptr<Session> extractor_; /* the base, or before schema 7 the extractor alone */
};

/* A warning for each text of whose words the model knows none; `names` are the examples'. */
Names unknown_texts(const std::vector<Features>& features, const Names& names);

}  // namespace app

#endif
