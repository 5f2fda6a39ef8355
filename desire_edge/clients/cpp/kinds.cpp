#include "kinds.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>

#include "characters.h"
#include "manifest.h"
#include "text.h"

namespace app {
namespace {

constexpr int64_t kMostFeatures = int64_t{1} << 20;
constexpr int64_t kMostHashed = int64_t{1} << 16;
constexpr int64_t kMostTokens = int64_t{1} << 16, kMostVocabulary = int64_t{1} << 24;
constexpr size_t kLongestIndex = 9;  // digits
constexpr uint64_t kLargestLexicon = 256 * kMiB;
constexpr char kTokenizer[] = "tokenizer.json";

/* A whole number within bounds. */
int64_t whole(const nlohmann::json& value, const char* name, int64_t least, int64_t most) {
  const auto& found = value.at(name);
  if (!found.is_number_integer() || found < least || found > most)
    throw std::invalid_argument(std::string(name) + " is " + brief(found));
  return found;
}

/* The SHA-256 of the one file that a kind needs. */
std::string digest_in(const nlohmann::json& value, const char* name) {
  const auto& files = value.at("files");
  const auto digest = files.size() == 1 ? files.at(name).get<std::string>() : "";
  if (digest.size() != 64 || digest.find_first_not_of("0123456789abcdef") != digest.npos)
    throw std::invalid_argument(std::string("its files are not ") + name);
  return digest;
}

std::string unicode_json() { return std::string("\"unicode\": \"") + kUnicode + "\""; }

std::string files_json(const char* name, const std::string& digest) {
  return std::string("\"files\": {\"") + name + "\": \"" + digest + "\"}";
}

std::vector<float> finite(std::vector<float> x, const std::string& where) {
  for (size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i])) {
      refuse("input-finite"_code, where, ": feature ", i, " is ", x[i],
             "; every feature must be a finite number");
    }
  }
  return x;
}

Features of_vector(const std::vector<float>& values, int64_t features, const std::string& where) {
  if (static_cast<int64_t>(values.size()) != features) {
    refuse("input-shape"_code, where, " has shape [", values.size(), "], but this model takes ", features,
           " features an example");
  }
  return {finite(values, where), 0, 0};
}

Features of_sparse(const SparseFeatures& values, const std::map<std::string, int64_t>& names,
                   int64_t features, const std::string& where) {
  std::vector<float> x(features);
  std::map<int64_t, std::string> given;
  for (const auto& [name, value] : values) {
    const auto found = names.find(name);
    int64_t index = found == names.end() ? features : found->second;
    const bool digits =
        !name.empty() && name.size() <= kLongestIndex && name.find_first_not_of("0123456789") == name.npos;
    if (found == names.end() && digits) index = std::stol(name);
    if (index >= features) {
      refuse("input-feature"_code, where, ": the model has no feature '", name, "'; a feature is ",
             names.empty() ? "" : "one of the vocabulary's words, or ", "an index from 0 to ", features - 1);
    }
    const auto [first, alone] = given.emplace(index, name);
    if (!alone) {
      refuse("input-feature"_code, where, ": '", first->second, "' and '", name,
             "' are one feature; give it once");
    }
    x[index] = static_cast<float>(value);
  }
  return {finite(std::move(x), where), 0, 0};
}

/* x of a vector, or of features by name or index. */
Features of_numbers(const RawInput& raw, const std::map<std::string, int64_t>& names, int64_t features,
                    const std::string& where) {
  if (std::holds_alternative<Pixels>(raw))
    refuse("input-kind"_code, where, " is a picture, and this model takes none");
  if (const auto* values = std::get_if<SparseFeatures>(&raw))
    return of_sparse(*values, names, features, where);
  return of_vector(std::get<std::vector<float>>(raw), features, where);
}

}  // namespace

WordsKind::WordsKind(const nlohmann::json& value)
    : vocabulary_(value.at("vocabulary").get<std::vector<std::string>>()),
      sparse_(value.contains("sparse") && value.at("sparse").get<bool>()) {
  const int64_t count = whole(value, "features", 1, kMostFeatures);
  if (count != features()) {
    throw std::invalid_argument("the input has " + std::to_string(count) + " features, but a vocabulary of " +
                                std::to_string(features()) + " words");
  }
  for (size_t i = 0; i < vocabulary_.size(); ++i) index_[vocabulary_[i]] = static_cast<int64_t>(i);
}

std::string WordsKind::to_json() const {
  return "{\"kind\": \"bag-of-words\", \"features\": " + std::to_string(features()) +
         ", \"vocabulary\": " + json_list(vocabulary_) + ", " + unicode_json() +
         (sparse_ ? ", \"sparse\": true}" : "}");
}

/* Features as a graph takes them. */
Features WordsKind::given(Features found) const {
  if (!sparse_) return found;
  const auto& x = std::get<std::vector<float>>(found.x);
  SparseWords words;
  for (size_t i = 0; i < x.size(); ++i) {
    if (x[i] == 0) continue;
    words.ids.push_back(static_cast<int64_t>(i));
    words.values.push_back(x[i]);
  }
  return {std::move(words), found.known_words, found.words};
}

Features WordsKind::features_of(const RawInput& raw, const std::string& where) const {
  const auto* text = std::get_if<std::string>(&raw);
  if (text == nullptr) return given(of_numbers(raw, index_, features(), where));
  const std::vector<std::string> words = tokenize(*text);
  const std::set<std::string> distinct(words.begin(), words.end());
  std::vector<float> x(vocabulary_.size());
  size_t known = 0;
  for (const std::string& word : distinct) {
    const auto found = index_.find(word);
    if (found == index_.end()) continue;
    x[found->second] = 1;
    ++known;
  }
  return given({std::move(x), known, distinct.size()});
}

VectorKind::VectorKind(const nlohmann::json& value) : features_(whole(value, "features", 1, kMostFeatures)) {
  if (value.at("vocabulary") != nlohmann::json::array())
    throw std::invalid_argument("its vocabulary is no empty list");
}

std::string VectorKind::to_json() const {
  return "{\"kind\": \"vector\", \"features\": " + std::to_string(features_) + ", \"vocabulary\": [], " +
         unicode_json() + "}";
}

Features VectorKind::features_of(const RawInput& raw, const std::string& where) const {
  if (std::holds_alternative<std::string>(raw)) {
    refuse("input-kind"_code, where, " is text, but this model takes vectors of ", features_,
           " numbers; give it a .npy or .json file");
  }
  return of_numbers(raw, {}, features_, where);
}

LexiconKind::LexiconKind(const nlohmann::json& value)
    : size_(whole(value, "features", 2, kMostFeatures)),
      hashed_(value.contains("hashed") ? whole(value, "hashed", 0, kMostHashed) : 0),
      features_(size_ + hashed_),
      sha256_(digest_in(value, kLexicon)) {
  if (size_ % 2 != 0) throw std::invalid_argument("features is no even number");
}

std::map<std::string, std::string> LexiconKind::assets() const { return {{kLexicon, sha256_}}; }

void LexiconKind::open(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / kLexicon;
  if (!std::filesystem::is_regular_file(path)) {
    refuse("asset-none"_code, "the model needs the file ", kLexicon, ", which ", folder.string(),
           " does not hold; copy the whole folder");
  }
  content_ = read_file(path, kLargestLexicon);
  if (sha256(content_) != sha256_) {
    refuse("asset-changed"_code, path.string(),
           " is not the file that the model was made with (its SHA-256 differs); copy the whole folder");
  }
  lexicon_ = Lexicon::open(content_, path.string());
  if (dynamic_cast<const StaticLexicon*>(lexicon_.get()) == nullptr || lexicon_->dim() != size_) {
    refuse("lexicon"_code, path.string(), " is no static lexicon of ", size_,
           " dimensions; export the bundle again");
  }
}

std::string LexiconKind::to_json() const {
  const std::string hashed = hashed_ > 0 ? ", \"hashed\": " + std::to_string(hashed_) : "";
  return "{\"kind\": \"lexicon\", \"features\": " + std::to_string(size_) + hashed + ", " + unicode_json() +
         ", " + files_json(kLexicon, sha256_) + "}";
}

Features LexiconKind::features_of(const RawInput& raw, const std::string& where) const {
  if (const auto* values = std::get_if<std::vector<float>>(&raw)) return of_vector(*values, features_, where);
  const auto* text = std::get_if<std::string>(&raw);
  if (text == nullptr) {
    refuse("input-kind"_code, where, " is neither text nor a vector of ", features_,
           " numbers, which this model takes");
  }
  TextVector found =
      dynamic_cast<const StaticLexicon&>(*lexicon_).text_vector(*text, static_cast<size_t>(hashed_));
  return {std::move(found.vector), found.known_words, found.words};
}

ImageKind::ImageKind(const nlohmann::json& value) {
  if (value.at("channels") != 3)
    throw std::invalid_argument("a picture has another number of channels than 3");
}

std::string ImageKind::to_json() const { return "{\"kind\": \"image\", \"channels\": 3}"; }

Features ImageKind::features_of(const RawInput& raw, const std::string& where) const {
  const auto* pixels = std::get_if<Pixels>(&raw);
  if (pixels == nullptr) {
    refuse("input-kind"_code, where,
           " is no picture, but this model takes pictures; give it a .png or .jpg file");
  }
  return {*pixels, 0, 0};
}

TokensKind::TokensKind(const nlohmann::json& value)
    : longest_(whole(value, "longest", 1, kMostTokens)),
      vocabulary_(whole(value, "vocabulary_size", 1, kMostVocabulary)),
      pad_(whole(value, "pad", 0, kMostVocabulary)),
      sha256_(digest_in(value, kTokenizer)) {}

std::map<std::string, std::string> TokensKind::assets() const { return {{kTokenizer, sha256_}}; }

std::string TokensKind::to_json() const {
  return "{\"kind\": \"tokens\", \"longest\": " + std::to_string(longest_) +
         ", \"vocabulary_size\": " + std::to_string(vocabulary_) + ", \"pad\": " + std::to_string(pad_) +
         ", " + files_json(kTokenizer, sha256_) + "}";
}

Features TokensKind::features_of(const RawInput& raw, const std::string& where) const {
  const auto* values = std::get_if<std::vector<float>>(&raw);
  if (values == nullptr) {
    refuse(
        "input-kind"_code, where,
        " is not token ids, which this program takes for this model in a .npy file; to split texts, use the "
        "Python or JavaScript client");
  }
  if (values->empty() || static_cast<int64_t>(values->size()) > longest_) {
    refuse("input-shape"_code, where, " has shape [", values->size(), "], but this model takes 1 to ",
           longest_, " token ids");
  }
  std::vector<int64_t> ids;
  for (const float value : *values) {
    if (std::trunc(value) != value)
      refuse("input-type"_code, where, " does not hold whole numbers, which token ids are");
    if (!(value >= 0 && value < static_cast<float>(vocabulary_))) {
      refuse("input-feature"_code, where, ": token ids run from 0 to ", vocabulary_ - 1, ", and ", value,
             " is none");
    }
    ids.push_back(static_cast<int64_t>(value));
  }
  return {std::move(ids), 0, 0};
}

}  // namespace app
