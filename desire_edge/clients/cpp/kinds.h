/* The kinds of input, each a class; as desire_edge/inputs, a file a kind there. */
#ifndef DESIRE_EDGE_APP_KINDS_H
#define DESIRE_EDGE_APP_KINDS_H

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "input.h"
#include "static_lexicon.h"

namespace app {

/* A kind of input, made of a manifest's or a model's JSON. A constructor throws what nlohmann::json does, or
 * std::invalid_argument, where that is something else. */
class Kind {
 public:
  virtual ~Kind() = default;

  virtual X x() const { return X::kVector; }
  /* The length of x; 0 where examples differ in shape. */
  virtual int64_t features() const { return 0; }
  /* The files that it needs beside the model, and their SHA-256. */
  virtual std::map<std::string, std::string> assets() const { return {}; }
  /* Reads those files, from the folder. */
  virtual void open(const std::filesystem::path&) {}
  virtual std::string to_json() const = 0;
  virtual Features features_of(const RawInput& raw, const std::string& where) const = 0;
};

/* x_i is 1 where the text holds the word vocabulary[i]; of a sparse one only those that are there count. */
class WordsKind : public Kind {
 public:
  explicit WordsKind(const nlohmann::json& value);
  X x() const override { return sparse_ ? X::kWords : X::kVector; }
  int64_t features() const override { return static_cast<int64_t>(vocabulary_.size()); }
  std::string to_json() const override;
  Features features_of(const RawInput& raw, const std::string& where) const override;

 private:
  Features given(Features found) const;

  std::vector<std::string> vocabulary_;
  std::map<std::string, int64_t> index_;
  bool sparse_;
};

/* Numbers that are x already. */
class VectorKind : public Kind {
 public:
  explicit VectorKind(const nlohmann::json& value);
  int64_t features() const override { return features_; }
  std::string to_json() const override;
  Features features_of(const RawInput& raw, const std::string& where) const override;

 private:
  int64_t features_;
};

/* A text's unit vector in the static lexicon beside the model. */
class LexiconKind : public Kind {
 public:
  explicit LexiconKind(const nlohmann::json& value);
  int64_t features() const override { return features_; }
  std::map<std::string, std::string> assets() const override;
  void open(const std::filesystem::path& folder) override;
  std::string to_json() const override;
  Features features_of(const RawInput& raw, const std::string& where) const override;

 private:
  int64_t size_, hashed_, features_; /* of the text's vector, of its words, and both together */
  std::string sha256_, content_;
  std::unique_ptr<Lexicon> lexicon_; /* a static one, once opened */
};

/* A picture of any size. */
class ImageKind : public Kind {
 public:
  explicit ImageKind(const nlohmann::json& value);
  X x() const override { return X::kPicture; }
  std::string to_json() const override;
  Features features_of(const RawInput& raw, const std::string& where) const override;
};

/* Token ids. Texts are split by tokenizer.json, which this program does not read. */
class TokensKind : public Kind {
 public:
  explicit TokensKind(const nlohmann::json& value);
  X x() const override { return X::kTokens; }
  std::map<std::string, std::string> assets() const override;
  std::string to_json() const override;
  Features features_of(const RawInput& raw, const std::string& where) const override;

 private:
  int64_t longest_, vocabulary_, pad_;
  std::string sha256_;
};

}  // namespace app

#endif
