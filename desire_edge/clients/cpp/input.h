/* Raw input -> x, the extractor's feature vector; as desire_edge/inputs does. */
#ifndef DESIRE_EDGE_APP_INPUT_H
#define DESIRE_EDGE_APP_INPUT_H

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

#include "error.h"
#include "files.h"

namespace app {

constexpr uint64_t kLargestInput = 16 * kMiB; /* of a file that is read as input */

using SparseFeatures = std::map<std::string, double>; /* by name, or by index as a string */
using RawInput = std::variant<std::string, SparseFeatures, std::vector<float>>;

/* Text from .txt, a vector from .npy, sparse features from .json; the ending counts in any case. */
RawInput read_input(const std::filesystem::path& path);

/* One example's x, and for text how many of its distinct words the model knows. */
struct Features {
  std::vector<float> x;
  size_t known_words = 0;
  size_t words = 0;
};

/* What the extractor takes. */
class InputSpec {
 public:
  InputSpec() = default;
  /* From the manifest, or an adapted model's metadata; `where` names the file in errors, and `code` is
   * theirs. */
  InputSpec(const nlohmann::json& value, const std::string& where, Code code);

  int64_t features() const { return features_; }
  /* Its text as adapted models hold it. */
  std::string to_json() const;
  Features features_of(const RawInput& raw, const std::string& where) const;

 private:
  Features from_text(const std::string& text, const std::string& where) const;
  Features from_sparse(const SparseFeatures& values, const std::string& where) const;
  Features from_vector(const std::vector<float>& values, const std::string& where) const;

  std::string kind_; /* "bag-of-words": x_i is 1 where the text holds the word vocabulary_[i]; or "vector" */
  int64_t features_ = 0;
  std::vector<std::string> vocabulary_;
  std::map<std::string, int64_t> index_;
};

/* A list of strings as Python's json.dumps writes it. */
std::string json_list(const std::vector<std::string>& items);

}  // namespace app

#endif
