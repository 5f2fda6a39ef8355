#include "static_lexicon.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

#include "seeded.h"
#include "text.h"

namespace app {
namespace {

constexpr size_t kShortestGram = 3, kLongestGram = 5;  // characters
constexpr double kCancelled = 1e-6;  // a sum this much shorter than its parts together is only rounding
constexpr uint64_t kWidest = uint64_t{1} << 19;  // bytes of a row
constexpr uint64_t kMostGrams = uint64_t{1} << 31;
constexpr size_t kMostLineage = 64;
constexpr char kZeros = '\x88';  // two numbers of four bits that are 0
const std::vector<std::string> kHow = {"words", "compound", "subwords", "ngrams"};  // the most telling last

/* The two numbers in each byte, and the sum of their squares. */
struct Pair {
  double low, high, square;
};
std::array<Pair, 256> read_pairs() {
  std::array<Pair, 256> pairs;
  for (int byte = 0; byte < 256; ++byte) {
    const int low = (byte & 15) - 8, high = (byte >> 4) - 8;
    pairs[byte] = {static_cast<double>(low), static_cast<double>(high),
                   static_cast<double>(low * low + high * high)};
  }
  return pairs;
}
const std::array<Pair, 256> kPairs = read_pairs();

/* The 32-bit FNV-1a hash of the bytes. */
uint32_t hash_of(std::string_view bytes) {
  uint32_t hash = 2166136261;
  for (const char c : bytes) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619;
  return hash;
}

/* The vector at length 1; nothing if next to nothing is left of parts that were so long. */
std::vector<double> at_length_1(std::vector<double> vector, double parts) {
  const double length = norm_of(vector);
  if (length <= kCancelled * parts) return {};
  for (double& value : vector) value /= length;
  return vector;
}

}  // namespace

/* A weighted sum of vectors, and their lengths added up. */
struct StaticLexicon::Sum {
  Vector total;
  double parts = 0;

  explicit Sum(int64_t dim) : total(dim) {}

  void add_row(const Rows& rows, size_t row, double weight) {
    const double factor = weight * number<float>(rows.scales, row);
    const size_t width = total.size() / 2;
    const char* pairs = rows.pairs.data() + row * width;
    double square = 0;
    for (size_t i = 0; i < width; ++i) {
      const Pair& pair = kPairs[static_cast<uint8_t>(pairs[i])];
      total[2 * i] += factor * pair.low;
      total[2 * i + 1] += factor * pair.high;
      square += pair.square;
    }
    parts += factor * std::sqrt(square);
  }

  void add_unit(const Vector& unit, double weight) {
    for (size_t i = 0; i < unit.size(); ++i) total[i] += weight * unit[i];
    parts += weight;
  }
};

StaticLexicon::StaticLexicon(const Tables& tables) : Lexicon(tables) {
  const auto& description = tables.description();
  const auto& dim = description.at("dim");
  const auto& grams = description.at("grams");
  tables.require(dim.is_number_unsigned() && dim >= 2 && dim <= 2 * kWidest,
                 "its vectors have fewer than two dimensions");
  tables.require(grams.is_number_unsigned() && grams >= 1 && grams <= kMostGrams, "it has no n-grams");
  const auto& lineage = description.at("lineage");
  tables.require(lineage.is_array() && lineage.size() <= kMostLineage, "its lineage is no short list");
  for (const auto& entry : lineage) {
    for (const char* field : {"name", "version", "licence", "role"}) {
      tables.require(entry.at(field).is_string(), "its lineage holds what is no text");
    }
  }
  tables.require(description.at("norm").is_number() && in_range(description["norm"]),
                 "its norm is out of bounds");
  dim_ = dim;
  norm_ = description["norm"];
  gram_count_ = grams;
  vectors_ = rows_of(tables, "vectors", "scales", size());
  for (size_t word = 0; word < size(); ++word) {
    const auto pairs = vectors_.pairs.substr(word * (dim_ / 2), dim_ / 2);
    tables.require(pairs.find_first_not_of(kZeros) != pairs.npos, "a word has no vector");
  }
  grams_ = rows_of(tables, "grams", "gram_scales", gram_count_);
  text_mean_ = mean_of(tables, "text_mean");
  name_mean_ = mean_of(tables, "name_mean");
}

StaticLexicon::Rows StaticLexicon::rows_of(const Tables& tables, const std::string& name,
                                           const std::string& scales, uint64_t count) const {
  const Tensor& rows = tables.table(name, {"U8"}, 2);
  tables.require(rows.shape[0] == count, "the table '", name, "' has another number of rows");
  tables.require(2 * rows.shape[1] == static_cast<uint64_t>(dim_), "the table '", name,
                 "' is not as wide as its metadata says");
  const bool whole = std::all_of(rows.bytes.begin(), rows.bytes.end(),
                                 [](char pair) { return (pair & 0x0f) != 0 && (pair & 0xf0) != 0; });
  tables.require(whole, "the table '", name, "' holds a number below -7");
  return {rows.bytes, tables.scales(scales, count)};
}

StaticLexicon::Vector StaticLexicon::mean_of(const Tables& tables, const std::string& name) const {
  const Tensor& table = tables.table(name, {"F32"}, 1);
  tables.require(table.shape[0] == static_cast<uint64_t>(dim_), "the table '", name,
                 "' has not its dimensions");
  Vector mean(dim_);
  for (size_t i = 0; i < mean.size(); ++i) {
    mean[i] = number<float>(table.bytes, i);
    tables.require(std::abs(mean[i]) <= 1, "the table '", name, "' holds a number that is not from -1 to 1");
  }
  return mean;
}

TextVector StaticLexicon::text_vector(const std::string& text, size_t hashed) const {
  const std::vector<Term> terms = terms_of(tokenize(text));
  const Vector found = unit(terms, text_mean_);
  const auto known =
      std::count_if(terms.begin(), terms.end(), [](const Term& term) { return !term.pieces.empty(); });
  TextVector made{std::vector<float>(found.begin(), found.end()), terms.size(), static_cast<size_t>(known)};
  made.vector.resize(dim_ + hashed);
  if (hashed > 0) hash(terms, made.vector.data() + dim_, hashed);
  return made;
}

LabelVector StaticLexicon::look_up_folded(const std::string& name, const std::string& folded) const {
  if (const auto index = words_.find(folded)) {
    const Vector whole = unit({{folded, 1, {*index}, "word"}}, name_mean_);
    if (!whole.empty()) return {name, scaled(whole), {folded}, {}, "word"};
  }
  const std::vector<Term> terms = terms_of(split_name(name));
  const Vector found = unit(terms, name_mean_);
  if (found.empty()) return {name, scaled(seeded_direction(folded, dim_)), {}, {folded}, "seeded"};
  LabelVector label{name, scaled(found), {}, {}, kHow.front()};
  for (const Term& term : terms) {
    if (term.pieces.empty()) label.unknown.push_back(term.word);
    for (const size_t piece : term.pieces) label.known.emplace_back(words_.at(piece));
    const auto place = [](const std::string& how) { return std::find(kHow.begin(), kHow.end(), how); };
    if (place(term.how) > place(label.how)) label.how = term.how;
  }
  return label;
}

/* Each distinct folded word, in the order of first occurrence. */
std::vector<StaticLexicon::Term> StaticLexicon::terms_of(const std::vector<std::string>& words) const {
  std::vector<Term> terms;
  std::unordered_map<std::string, size_t> places;
  for (const std::string& each : words) {
    const auto [place, first] = places.emplace(lower(each), terms.size());
    if (!first) {
      ++terms[place->second].count;
      continue;
    }
    std::string how;
    std::vector<size_t> pieces = words_.pieces(each, &how);
    terms.push_back({place->first, 1, std::move(pieces), how == "seeded" ? "ngrams" : how});
  }
  return terms;
}

/* The terms' weighted sum at length 1, less the mean, at length 1 again; nothing where nothing is left. */
StaticLexicon::Vector StaticLexicon::unit(const std::vector<Term>& terms, const Vector& mean) const {
  Sum sum(dim_);
  for (const Term& term : terms) {
    const double often = 1 + std::log(static_cast<double>(term.count));
    for (const size_t piece : term.pieces) {
      sum.add_row(vectors_, piece, often * std::log(2.0 + words_.rank(piece)));
    }
    if (!term.pieces.empty()) continue;
    const Vector made = spelt(term.word);
    if (!made.empty()) sum.add_unit(made, often * std::log(1.0 + static_cast<double>(size())));
  }
  Vector whole = at_length_1(std::move(sum.total), sum.parts);
  for (size_t i = 0; i < whole.size(); ++i) whole[i] -= mean[i];
  return whole.empty() ? whole : at_length_1(std::move(whole), 1);
}

/* The terms' weights at the places that their words' hashes say, [size]. */
void StaticLexicon::hash(const std::vector<Term>& terms, float* into, size_t size) const {
  Vector total(size);
  for (const Term& term : terms) {
    double rarity = 1.0 + static_cast<double>(this->size());
    if (!term.pieces.empty()) {
      rarity = 0;
      for (const size_t piece : term.pieces) rarity = std::max(rarity, 2.0 + words_.rank(piece));
    }
    const double weight = (1 + std::log(static_cast<double>(term.count))) * std::log(rarity);
    const uint32_t hash = hash_of(term.word);
    total[(hash >> 1) % size] += (hash & 1) != 0 ? weight : -weight;
  }
  std::transform(total.begin(), total.end(), into, [](double value) { return static_cast<float>(value); });
}

/* The sum of the rows of a word's distinct n-grams, at length 1; nothing where nothing is left of it. */
StaticLexicon::Vector StaticLexicon::spelt(const std::string& word) const {
  const std::string marked = "<" + word + ">";
  std::vector<size_t> starts;  // of characters
  for (size_t i = 0; i < marked.size(); ++i) {
    if ((marked[i] & 0xc0) != 0x80) starts.push_back(i);
  }
  starts.push_back(marked.size());
  Sum sum(dim_);
  std::unordered_set<std::string_view> seen;
  for (size_t length = kShortestGram; length <= kLongestGram; ++length) {
    for (size_t first = 0; first + length < starts.size(); ++first) {
      const auto gram =
          std::string_view(marked).substr(starts[first], starts[first + length] - starts[first]);
      if (seen.insert(gram).second) sum.add_row(grams_, hash_of(gram) % gram_count_, 1);
    }
  }
  return at_length_1(std::move(sum.total), sum.parts);
}

std::vector<float> StaticLexicon::scaled(const Vector& unit) const {
  std::vector<float> vector(unit.size());
  std::transform(unit.begin(), unit.end(), vector.begin(),
                 [this](double value) { return static_cast<float>(value * norm_); });
  return vector;
}

}  // namespace app
