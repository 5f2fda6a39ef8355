#include "lexicon.h"

#include <cmath>
#include <numeric>

#include "error.h"
#include "files.h"
#include "seeded.h"
#include "source_lexicon.h"
#include "static_lexicon.h"
#include "text.h"

namespace app {
namespace {

constexpr double kSame = 0.9999;  // cosine above which two names' vectors count as equal
constexpr double kApart = 0.1;    // the part added to tell them apart, relative to the vector's norm

/* The vector and a part orthogonal to it, seeded by the name. */
std::vector<float> told_apart(const std::vector<float>& vector, const std::string& name) {
  const std::vector<double> exact(vector.begin(), vector.end());
  std::vector<double> part = seeded_direction(name, static_cast<int64_t>(exact.size()));
  const double square = std::inner_product(exact.begin(), exact.end(), exact.begin(), 0.0);
  const double along = std::inner_product(part.begin(), part.end(), exact.begin(), 0.0) / square;
  for (size_t i = 0; i < exact.size(); ++i) part[i] -= exact[i] * along;
  const double length = kApart * std::sqrt(square) / norm_of(part);
  for (size_t i = 0; i < exact.size(); ++i) part[i] = exact[i] + part[i] * length;
  return std::vector<float>(part.begin(), part.end());
}

}  // namespace

std::unique_ptr<Lexicon> Lexicon::open(std::string_view content, const std::string& where) {
  const Tables tables(content, where);
  try {
    const auto& schema = tables.description().at("schema");
    tables.require(schema == 1 || schema == 2, "it has schema ", schema.dump(),
                   " and this program reads 1 and 2");
    if (schema == 1) return std::make_unique<SourceLexicon>(tables);
    return std::make_unique<StaticLexicon>(tables);
  } catch (const nlohmann::json::exception& error) {
    tables.require(false, json_reason(error));
    throw;
  }
}

LabelVector Lexicon::look_up(const std::string& given) const {
  const std::string name = strip(given);
  const std::string folded = strip(fold(name));
  if (folded.empty()) refuse("name-empty"_code, "a label's name is empty; give every label a name");
  return look_up_folded(name, folded);
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

}  // namespace app
