#include "source_lexicon.h"

#include <algorithm>
#include <cmath>

#include "seeded.h"
#include "text.h"

namespace app {
namespace {

constexpr double kSmoothing = 70;  // a piece of this rank weighs half as much as a rare one
constexpr int kWidest = 1 << 20;

std::vector<float> in_single(const std::vector<double>& values) {
  return std::vector<float>(values.begin(), values.end());
}

}  // namespace

SourceLexicon::SourceLexicon(const Tables& tables) : Lexicon(tables) {
  std::vector<bool> known(size());
  for (const auto& entry : tables.description().at("sources")) {
    const std::string k = std::to_string(sources_.size());
    const Tensor &vectors = tables.table("vectors." + k, {"I8"}, 2),
                 &rows = tables.table("rows." + k, {"U16", "U32"}, 1);
    tables.require(entry.at("name").is_string(), "a source has no name");
    tables.require(entry.at("dim") == vectors.shape[1], "its vectors are not as wide as its metadata says");
    const Source source{entry.at("dim"), entry.at("norm"),
                        vectors.bytes,   tables.scales("scales." + k, vectors.shape[0]),
                        rows.bytes,      rows.dtype == "U16" ? 2u : 4u};
    tables.require(source.dim >= 1 && source.dim <= kWidest, "a source's width is out of bounds");
    tables.require(in_range(source.norm), "a source's norm is out of bounds");
    tables.require(rows.shape[0] == size(), "the table 'rows.", k, "' does not have one entry for each word");
    for (size_t i = 0; i < size(); ++i) {
      const size_t row = source.row(i);
      tables.require(row <= vectors.shape[0], "the table 'rows.", k, "' points past its rows");
      if (row > 0) known[i] = true;
    }
    sources_.push_back(source);
    dim_ += source.dim;
    norm_ += source.norm * source.norm;
  }
  norm_ = std::sqrt(norm_);
  tables.require(dim_ >= 2, "its vectors have fewer than two dimensions");
  tables.require(std::find(known.begin(), known.end(), false) == known.end(), "a word has no vector");
}

LabelVector SourceLexicon::look_up_folded(const std::string& name, const std::string& folded) const {
  if (const auto index = words_.find(folded)) {
    std::vector<float> found = vector(*index);
    if (norm_of(found) > 0) return {name, std::move(found), {folded}, {}, "word"};
  }
  std::vector<size_t> known;
  LabelVector label{name, {}, {}, {}, "words"};
  for (const std::string& part : split_name(name)) {
    std::string how;
    const std::vector<size_t> found = words_.pieces(part, &how);
    known.insert(known.end(), found.begin(), found.end());
    if (how == "seeded") {
      label.unknown.push_back(lower(part));
    } else if (how == "subwords" || (how == "compound" && label.how == "words")) {
      label.how = how;
    }
  }
  label.vector = mean(known);
  if (label.vector.empty()) return {name, seeded(folded), {}, {folded}, "seeded"};
  for (const size_t index : known) label.known.emplace_back(words_.at(index));
  return label;
}

/* The word's vector, at the norm that all have. */
std::vector<float> SourceLexicon::vector(size_t index) const {
  std::vector<float> whole(dim_);
  size_t start = 0;
  for (const Source& source : sources_) {
    const size_t row = source.row(index);
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

/* The words' mean, frequent ones counting less; nothing if there is no word or they cancel one another. */
std::vector<float> SourceLexicon::mean(const std::vector<size_t>& indices) const {
  std::vector<double> total(dim_);
  double weights = 0;
  for (const size_t index : indices) {
    const double rank = static_cast<double>(words_.rank(index)) + 1;
    const double weight = rank / (rank + kSmoothing);
    const std::vector<float> part = vector(index);
    for (int64_t i = 0; i < dim_; ++i) total[i] += weight * part[i];
    weights += weight;
  }
  const double length = norm_of(total);
  if (length <= 1e-3 * weights * norm_) return {};
  for (double& value : total) value *= norm_ / length;
  return in_single(total);
}

/* A direction made from the letters alone, at the sources' norms. */
std::vector<float> SourceLexicon::seeded(const std::string& folded) const {
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
