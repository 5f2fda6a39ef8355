#include "lexicon.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>
#include <set>

#include "error.h"
#include "files.h"
#include "text.h"

namespace app {
namespace {

constexpr double kSmoothing = 70;  // a piece of this rank weighs half as much as a rare one
constexpr double kSame = 0.9999;   // cosine above which two names' vectors count as equal
constexpr double kApart = 0.1;     // the part added to tell them apart, relative to the vector's norm
constexpr double kSmallest = 1e-9, kLargest = 1e9;  // of scales and norms
constexpr int kWidest = 1 << 20;

template <typename T>
T number(std::string_view table, size_t index) {
  T value;
  std::memcpy(&value, table.data() + index * sizeof value, sizeof value);
  return value;
}

double norm_of(const std::vector<float>& vector) {
  double sum = 0;
  for (const float value : vector) sum += static_cast<double>(value) * value;
  return std::sqrt(sum);
}

double norm_of(const double* begin, const double* end) {
  return std::sqrt(std::inner_product(begin, end, begin, 0.0));
}

/* A vector [dim] of length 1 that depends on the name only: splitmix64 started at the name's FNV-1a hash. */
std::vector<double> seeded_direction(const std::string& name, int64_t dim) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  std::vector<double> direction(dim);
  for (double& value : direction) {
    uint64_t state = hash += 0x9e3779b97f4a7c15;
    state = (state ^ state >> 30) * 0xbf58476d1ce4e5b9;
    state = (state ^ state >> 27) * 0x94d049bb133111eb;
    state ^= state >> 31;
    value = 2 * (static_cast<double>(state >> 11) * 0x1p-53) - 1;
  }
  const double length = norm_of(direction.data(), direction.data() + dim);
  for (double& value : direction) value /= length;
  return direction;
}

std::vector<float> in_single(const std::vector<double>& values) {
  return std::vector<float>(values.begin(), values.end());
}

/* The vector and a part orthogonal to it, seeded by the name. */
std::vector<float> told_apart(const std::vector<float>& vector, const std::string& name) {
  const std::vector<double> exact(vector.begin(), vector.end());
  std::vector<double> part = seeded_direction(name, static_cast<int64_t>(exact.size()));
  const double square = std::inner_product(exact.begin(), exact.end(), exact.begin(), 0.0);
  const double along = std::inner_product(part.begin(), part.end(), exact.begin(), 0.0) / square;
  for (size_t i = 0; i < exact.size(); ++i) part[i] -= exact[i] * along;
  const double length = kApart * std::sqrt(square) / norm_of(part.data(), part.data() + part.size());
  for (size_t i = 0; i < exact.size(); ++i) part[i] = exact[i] + part[i] * length;
  return in_single(part);
}

using Rank = std::function<std::optional<uint32_t>(const std::string&)>;

struct Split {
  std::vector<std::string> pieces;
  bool complete;
};

constexpr size_t kLongestWord = 64, kLongestPiece = 20, kShortestBesideAGap = 4;
constexpr double kGap = 14;  // cost of leaving one letter out
constexpr double kCovered = 0.6;
constexpr double kNever = std::numeric_limits<double>::infinity();

/* -log of a piece's probability, by Zipf's law from its rank; rare short pieces are mostly scraps of longer
 * words. */
double piece_cost(const std::u32string& piece, const Rank& rank, bool last) {
  if (piece.size() < (last ? 3 : 2) && !is_decimal(piece)) return kNever;
  const std::optional<uint32_t> found = rank(utf8(piece));
  if (!found) return kNever;
  if (piece.size() <= 3 && *found > (piece.size() == 3 ? 20000 : 3000)) return kNever;
  return std::log(10.0 * (static_cast<double>(*found) + 1));
}

std::optional<Split> cheapest(const std::u32string& word, const Rank& rank, bool gaps) {
  struct Best {  // of a prefix: its cost, where its last piece starts, and whether that piece is a known word
    double cost;
    size_t start;
    bool known;
  };
  const size_t shortest = gaps ? kShortestBesideAGap : 1;
  std::vector<Best> best = {{0, 0, false}};
  for (size_t end = 1; end <= word.size(); ++end) {
    Best choice = {gaps ? best[end - 1].cost + kGap : kNever, end - 1, false};
    for (size_t start = end > kLongestPiece ? end - kLongestPiece : 0; start + shortest <= end; ++start) {
      const double cost =
          best[start].cost + piece_cost(word.substr(start, end - start), rank, end == word.size());
      if (cost < choice.cost) choice = {cost, start, true};
    }
    best.push_back(choice);
  }
  if (std::isinf(best.back().cost)) return std::nullopt;
  Split split{{}, false};
  size_t covered = 0;
  for (size_t end = word.size(); end > 0; end = best[end].start) {
    if (!best[end].known) continue;
    covered += end - best[end].start;
    split.pieces.insert(split.pieces.begin(), utf8(word.substr(best[end].start, end - best[end].start)));
  }
  if (covered == 0 || static_cast<double>(covered) < kCovered * static_cast<double>(word.size()))
    return std::nullopt;
  split.complete = covered == word.size();
  return split;
}

/* The most probable known pieces of a word; letters are left out only if no pieces make up the whole of it.
 */
std::optional<Split> split_compound(const std::string& text, const Rank& rank) {
  const std::u32string word = characters(text);
  if (word.size() > kLongestWord) return std::nullopt;
  if (const auto whole = cheapest(word, rank, false)) return whole;
  return cheapest(word, rank, true);
}

}  // namespace

Lexicon::Lexicon(std::string_view content, const std::string& where) {
  const Safetensors file = read_safetensors(content, where, "lexicon"_code);
  const auto require = [&](bool condition, const auto&... complaint) {
    if (!condition)
      refuse("lexicon"_code, "the lexicon ", where, " is damaged: ", complaint...,
             "; export or copy it again");
  };
  const auto table = [&](const std::string& name, const std::set<std::string>& dtypes, size_t dimensions) {
    const auto found = file.tensors.find(name);
    require(found != file.tensors.end(), "the table '", name, "' is missing");
    require(dtypes.count(found->second.dtype) && found->second.shape.size() == dimensions, "the table '",
            name, "' is of another type or shape");
    return found->second;
  };
  if (!file.metadata.count("lexicon")) {
    refuse("lexicon"_code, where, " is a safetensors file but not a lexicon; give the one that export wrote");
  }
  const auto description = parse_json(file.metadata.at("lexicon"), where, "lexicon"_code);
  try {
    const auto& schema = description.at("schema");
    require(schema == 1, "it has schema ", schema.dump(), " and this program reads 1");
    words_ = table("words", {"U8"}, 1).bytes;
    offsets_ = table("offsets", {"U32"}, 1).bytes;
    require(offsets_.size() >= 8, "it holds no word");
    count_ = offsets_.size() / 4 - 1;
    require(number<uint32_t>(offsets_, 0) == 0 && number<uint32_t>(offsets_, count_) == words_.size(),
            "its offsets do not span the words");
    for (size_t i = 0; i < count_; ++i) {
      require(number<uint32_t>(offsets_, i) < number<uint32_t>(offsets_, i + 1) &&
                  number<uint32_t>(offsets_, i + 1) <= words_.size(),
              "its word offsets do not increase");
      require(is_utf8(word(i)), "a word is not UTF-8");
      require(i == 0 || word(i - 1) < word(i), "its words are not sorted");
    }
    ranks_ = table("ranks", {"U32"}, 1).bytes;
    require(ranks_.size() == 4 * count_, "it has another number of ranks than words");
    std::vector<bool> ranked(count_);
    for (size_t i = 0; i < count_; ++i) {
      const uint32_t rank = number<uint32_t>(ranks_, i);
      require(rank < count_ && !ranked[rank], "its ranks are not the numbers 0 to n - 1");
      ranked[rank] = true;
    }
    std::vector<bool> known(count_);
    for (const auto& entry : description.at("sources")) {
      const std::string k = std::to_string(sources_.size());
      const Tensor vectors = table("vectors." + k, {"I8"}, 2), scales = table("scales." + k, {"F32"}, 1),
                   rows = table("rows." + k, {"U16", "U32"}, 1);
      require(entry.at("name").is_string(), "a source has no name");
      require(entry.at("dim") == vectors.shape[1], "its vectors are not as wide as its metadata says");
      const Source source{entry.at("dim"), entry.at("norm"), vectors.bytes,
                          scales.bytes,    rows.bytes,       rows.dtype == "U16" ? 2u : 4u};
      require(source.dim >= 1 && source.dim <= kWidest, "a source's width is out of bounds");
      require(source.norm >= kSmallest && source.norm <= kLargest, "a source's norm is out of bounds");
      require(scales.shape == std::vector{vectors.shape[0]}, "its vectors and scales differ in length");
      for (size_t row = 0; row < vectors.shape[0]; ++row) {
        const float scale = number<float>(source.scales, row);
        require(scale >= kSmallest && scale <= kLargest, "a scale is out of bounds");
      }
      require(rows.shape[0] == count_, "the table 'rows.", k, "' does not have one entry for each word");
      for (size_t i = 0; i < count_; ++i) {
        const uint32_t row =
            source.row_bytes == 2 ? number<uint16_t>(source.rows, i) : number<uint32_t>(source.rows, i);
        require(row <= vectors.shape[0], "the table 'rows.", k, "' points past its rows");
        if (row > 0) known[i] = true;
      }
      sources_.push_back(source);
      dim_ += source.dim;
      norm_ += source.norm * source.norm;
    }
    norm_ = std::sqrt(norm_);
    require(dim_ >= 2, "its vectors have fewer than two dimensions");
    require(std::find(known.begin(), known.end(), false) == known.end(), "a word has no vector");
  } catch (const nlohmann::json::exception& error) {
    require(false, json_reason(error));
  }
}

LabelVector Lexicon::look_up(const std::string& given) const {
  const std::string name = strip(given);
  const std::string folded = strip(fold(name));
  if (folded.empty()) refuse("name-empty"_code, "a label's name is empty; give every label a name");
  if (const auto index = find(folded)) {
    std::vector<float> found = vector(*index);
    if (norm_of(found) > 0) return {name, std::move(found), {folded}, {}, "word"};
  }
  std::vector<size_t> known;
  LabelVector label{name, {}, {}, {}, "words"};
  for (const std::string& part : split_name(name)) {
    std::string how;
    const std::vector<size_t> found = pieces(part, &how);
    known.insert(known.end(), found.begin(), found.end());
    if (how == "seeded") {
      label.unknown.push_back(lower(part));
    } else if (how == "subwords" || (how == "compound" && label.how == "words")) {
      label.how = how;
    }
  }
  label.vector = mean(known);
  if (label.vector.empty()) return {name, seeded(folded), {}, {folded}, "seeded"};
  for (const size_t index : known) label.known.emplace_back(word(index));
  return label;
}

LabelMatrix Lexicon::label_matrix(const std::vector<std::string>& names) const {
  LabelMatrix matrix{Matrix(dim_, static_cast<int64_t>(names.size())), {}, {}};
  std::vector<std::vector<double>> directions;
  const auto direction = [](const std::vector<float>& vector) {
    std::vector<double> unit(vector.begin(), vector.end());
    const double length = norm_of(vector);
    for (double& value : unit) value /= length;
    return unit;
  };
  for (const std::string& name : names) {
    LabelVector label = look_up(name);
    std::vector<double> own = direction(label.vector);
    double closest = -1;
    size_t other = 0;
    for (size_t i = 0; i < directions.size(); ++i) {
      if (matrix.entries[i].name == label.name) {
        refuse("name-twice"_code, "the label '", label.name, "' is given twice; give every label once");
      }
      const double cosine = std::inner_product(own.begin(), own.end(), directions[i].begin(), 0.0);
      if (cosine > closest) {
        closest = cosine;
        other = i;
      }
    }
    if (closest > kSame) {
      label.vector = told_apart(label.vector, label.name);
      own = direction(label.vector);
      matrix.warnings.push_back(
          "the labels '" + matrix.entries[other].name + "' and '" + label.name +
          "' have the same word vector; a small part made from the second name tells them apart");
    }
    const auto column = static_cast<int64_t>(directions.size());
    for (int64_t row = 0; row < dim_; ++row) matrix.vectors[row][column] = label.vector[row];
    directions.push_back(std::move(own));
    matrix.entries.push_back(std::move(label));
  }
  return matrix;
}

std::string_view Lexicon::word(size_t index) const {
  const uint32_t start = number<uint32_t>(offsets_, index);
  return words_.substr(start, number<uint32_t>(offsets_, index + 1) - start);
}

std::optional<size_t> Lexicon::find(const std::string& folded) const {
  size_t low = 0, high = count_;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    const int order = word(middle).compare(folded);
    if (order == 0) return middle;
    if (order < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return std::nullopt;
}

/* The words' indices, or nothing if one of them is unknown. */
std::vector<size_t> Lexicon::find_all(const std::vector<std::string>& words) const {
  std::vector<size_t> found;
  for (const std::string& word : words) {
    const auto index = find(word);
    if (!index) return {};
    found.push_back(*index);
  }
  return found;
}

std::optional<uint32_t> Lexicon::rank(const std::string& folded) const {
  const auto index = find(folded);
  return index ? std::optional(number<uint32_t>(ranks_, *index)) : std::nullopt;
}

/* The word's vector, at the norm that all have. */
std::vector<float> Lexicon::vector(size_t index) const {
  std::vector<float> whole(dim_);
  size_t start = 0;
  for (const Source& source : sources_) {
    const size_t row =
        source.row_bytes == 2 ? number<uint16_t>(source.rows, index) : number<uint32_t>(source.rows, index);
    for (int64_t i = 0; row > 0 && i < source.dim; ++i) {
      whole[start + i] = static_cast<float>(number<int8_t>(source.vectors, (row - 1) * source.dim + i)) *
                         number<float>(source.scales, row - 1);
    }
    start += source.dim;
  }
  const double length = norm_of(whole);
  const auto factor = static_cast<float>(length > 0 ? norm_ / length : 1);
  for (float& value : whole) value *= factor;
  return whole;
}

/* The known words that make up one word of a name, and how they were found. */
std::vector<size_t> Lexicon::pieces(const std::string& text, std::string* how) const {
  const std::string folded = lower(text);
  *how = "words";
  if (auto whole = find_all({folded}); !whole.empty()) return whole;
  std::vector<std::string> parts = split_camel_case(text);
  for (std::string& part : parts) part = lower(part);
  *how = "compound";
  if (auto found = find_all(parts); !found.empty()) return found;
  const std::string bare =
      folded.substr(0, folded.find_last_not_of("+#") + 1);  // an unknown "c#" is taken for "c"
  *how = "subwords";
  if (auto whole = find_all({bare}); !whole.empty()) return whole;
  const auto split = split_compound(bare, [this](const std::string& piece) { return rank(piece); });
  *how = !split ? "seeded" : split->complete ? "compound" : "subwords";
  return split ? find_all(split->pieces) : std::vector<size_t>{};
}

/* The words' mean, frequent ones counting less; nothing if there is no word or they cancel one another. */
std::vector<float> Lexicon::mean(const std::vector<size_t>& indices) const {
  std::vector<double> total(dim_);
  double weights = 0;
  for (const size_t index : indices) {
    const double rank = static_cast<double>(number<uint32_t>(ranks_, index)) + 1;
    const double weight = rank / (rank + kSmoothing);
    const std::vector<float> part = vector(index);
    for (int64_t i = 0; i < dim_; ++i) total[i] += weight * part[i];
    weights += weight;
  }
  const double length = norm_of(total.data(), total.data() + dim_);
  if (length <= 1e-3 * weights * norm_) return {};
  for (double& value : total) value *= norm_ / length;
  return in_single(total);
}

/* A direction made from the letters alone, at the sources' norms. */
std::vector<float> Lexicon::seeded(const std::string& folded) const {
  std::vector<double> whole = seeded_direction(folded, dim_);
  double* part = whole.data();
  for (const Source& source : sources_) {
    const double factor = source.norm / norm_of(part, part + source.dim);
    for (int64_t i = 0; i < source.dim; ++i) part[i] *= factor;
    part += source.dim;
  }
  return in_single(whole);
}

}  // namespace app
