/* Raw input -> x, what the extractor takes; as desire_edge/inputs does. */
#ifndef DESIRE_EDGE_APP_INPUT_H
#define DESIRE_EDGE_APP_INPUT_H

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

#include "error.h"
#include "files.h"
#include "image.h"

namespace app {

constexpr uint64_t kLargestInput = 16 * kMiB; /* of a file that is read as input */

using SparseFeatures = std::map<std::string, double>; /* by name, or by index as a string */
using RawInput = std::variant<std::string, SparseFeatures, std::vector<float>, Pixels>;

/* Text from .txt, a vector from .npy, sparse features from .json, pixels from .png, .jpg and .jpeg; the ending
 * counts in any case. */
RawInput read_input(const std::filesystem::path& path);

/* What x is: float32 [features], uint8 [height, width, 3], int64 [length], or the features that are not 0, as a
 * sparse bag of words has them. Pictures and tokens are ragged: one example is one run. */
enum class X { kVector, kPicture, kTokens, kWords };

/* The numbers of features, ascending, and their values. */
struct SparseWords {
  std::vector<int64_t> ids;
  std::vector<float> values;
};

/* One example's x, and for text how many of its distinct words the model knows. */
struct Features {
  std::variant<std::vector<float>, Pixels, std::vector<int64_t>, SparseWords> x; /* in the order of X */
  size_t known_words = 0;
  size_t words = 0;
};

class Kind;

/* What the extractor takes. */
class InputSpec {
 public:
  InputSpec() = default;
  /* From the manifest, or an adapted model's metadata; `where` names the file in errors, and `code` is
   * theirs. */
  InputSpec(const nlohmann::json& value, const std::string& where, Code code);

  X x() const;
  /* The length of x; 0 where examples differ in shape. */
  int64_t features() const;
  /* The files that it needs beside the model, and their SHA-256. */
  std::map<std::string, std::string> assets() const;
  /* Reads those files from the folder, which must be done before `features_of`. */
  void open(const std::filesystem::path& folder);
  /* Its text as adapted models hold it. */
  std::string to_json() const;
  Features features_of(const RawInput& raw, const std::string& where) const;

 private:
  std::shared_ptr<Kind> kind_;
};

/* Names of all files that some kind of input needs beside the model. */
extern const std::vector<std::string> kAssets;

/* A list of strings as Python's json.dumps writes it. */
std::string json_list(const std::vector<std::string>& items);

}  // namespace app

#endif
