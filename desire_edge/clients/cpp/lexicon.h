/* Words and label names to vectors, from the bundle's lexicon.safetensors; as desire_edge/lexicon does. */
#ifndef DESIRE_EDGE_APP_LEXICON_H
#define DESIRE_EDGE_APP_LEXICON_H

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrays.h"

namespace app {

/* A label's name, its vector [d] (never zero), and how the name was understood. */
struct LabelVector {
  std::string name;
  std::vector<float> vector;
  std::vector<std::string> known;   /* the words the vector was made of */
  std::vector<std::string> unknown; /* the words of the name that nothing is known about */
  std::string how;                  /* word, words, compound, subwords or seeded */
};

/* The vectors [d, N] of N labels, one a column, their entries, and warnings for the user. */
struct LabelMatrix {
  Matrix vectors;
  std::vector<LabelVector> entries;
  std::vector<std::string> warnings;
};

class Lexicon {
 public:
  /* Checks everything a look-up relies on. `content` is not copied and must outlive the lexicon. */
  Lexicon(std::string_view content, const std::string& where);

  int64_t dim() const { return dim_; }
  /* How many words there are. */
  size_t size() const { return count_; }
  /* The vector of a label's name, which may be any text but an empty one. */
  LabelVector look_up(const std::string& name) const;
  /* The vectors of all names, no two of them equal. */
  LabelMatrix label_matrix(const std::vector<std::string>& names) const;

 private:
  /* One source's part of every vector: int8 rows with a scale each, and every word's row. */
  struct Source {
    int64_t dim;
    double norm;
    std::string_view vectors, scales, rows;
    size_t row_bytes; /* of one entry of rows: 2 or 4 */
  };

  std::string_view word(size_t index) const;
  std::optional<size_t> find(const std::string& folded) const;
  std::vector<size_t> find_all(const std::vector<std::string>& words) const;
  std::optional<uint32_t> rank(const std::string& folded) const;
  std::vector<float> vector(size_t index) const;
  std::vector<size_t> pieces(const std::string& word, std::string* how) const;
  std::vector<float> mean(const std::vector<size_t>& indices) const;
  std::vector<float> seeded(const std::string& folded) const;

  std::string_view words_, offsets_, ranks_;
  std::vector<Source> sources_;
  size_t count_ = 0;
  int64_t dim_ = 0;
  double norm_ = 0;
};

}  // namespace app

#endif
