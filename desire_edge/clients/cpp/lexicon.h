/* Label names to vectors, from the bundle's lexicon.safetensors; as desire_edge/lexicon does. */
#ifndef DESIRE_EDGE_APP_LEXICON_H
#define DESIRE_EDGE_APP_LEXICON_H

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arrays.h"
#include "words.h"

namespace app {

/* A label's name, its vector [d] (never zero), and how the name was understood. */
struct LabelVector {
  std::string name;
  std::vector<float> vector;
  std::vector<std::string> known;   /* the words the vector was made of */
  std::vector<std::string> unknown; /* the words of the name that nothing is known about */
  std::string how;                  /* word, words, compound, subwords, ngrams or seeded */
};

/* The vectors [d, N] of N labels, one a column, their entries, and warnings for the user. */
struct LabelMatrix {
  Matrix vectors;
  std::vector<LabelVector> entries;
  std::vector<std::string> warnings;
};

class Lexicon {
 public:
  /* Opens a lexicon of either schema, and checks everything a look-up relies on. `content` is not copied and
   * must outlive the lexicon. */
  static std::unique_ptr<Lexicon> open(std::string_view content, const std::string& where);
  virtual ~Lexicon() = default;

  int64_t dim() const { return dim_; }
  /* How many words there are. */
  size_t size() const { return words_.size(); }
  /* The vector of a label's name, which may be any text but an empty one. */
  LabelVector look_up(const std::string& name) const;
  /* The vectors of all names, no two of them equal. */
  LabelMatrix label_matrix(const std::vector<std::string>& names) const;

 protected:
  explicit Lexicon(const Tables& tables) : words_(tables) {}
  /* As `look_up`, of a name that is stripped, and the same folded. */
  virtual LabelVector look_up_folded(const std::string& name, const std::string& folded) const = 0;

  Words words_;
  int64_t dim_ = 0;
};

}  // namespace app

#endif
