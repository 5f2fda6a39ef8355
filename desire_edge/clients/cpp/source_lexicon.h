/* Words of several sources, whose vectors stand end to end: lexicons of schema 1. */
#ifndef DESIRE_EDGE_APP_SOURCE_LEXICON_H
#define DESIRE_EDGE_APP_SOURCE_LEXICON_H

#include "lexicon.h"

namespace app {

class SourceLexicon : public Lexicon {
 public:
  explicit SourceLexicon(const Tables& tables);

 protected:
  LabelVector look_up_folded(const std::string& name, const std::string& folded) const override;

 private:
  /* One source's part of every vector: int8 rows with a scale each, and every word's row. */
  struct Source {
    int64_t dim;
    double norm;
    std::string_view vectors, scales, rows;
    size_t row_bytes; /* of one entry of rows: 2 or 4 */

    size_t row(size_t word) const {
      return row_bytes == 2 ? number<uint16_t>(rows, word) : number<uint32_t>(rows, word);
    }
  };

  std::vector<float> vector(size_t index) const;
  std::vector<float> mean(const std::vector<size_t>& indices) const;
  std::vector<float> seeded(const std::string& folded) const;

  std::vector<Source> sources_;
  double norm_ = 0;
};

}  // namespace app

#endif
