/* Names and texts as vectors of one space: lexicons of schema 2, of words in four bits a number, and rows for
 * the character n-grams of words that are not among them; as desire_edge/lexicon/static.py. */
#ifndef DESIRE_EDGE_APP_STATIC_LEXICON_H
#define DESIRE_EDGE_APP_STATIC_LEXICON_H

#include "lexicon.h"

namespace app {

/* A text's vector [d], a unit vector or zeros where there is no word, and after it the words themselves, hashed;
 * how many distinct words it has, and how many of them are known. */
struct TextVector {
  std::vector<float> vector;
  size_t words, known_words;
};

class StaticLexicon : public Lexicon {
 public:
  explicit StaticLexicon(const Tables& tables);

  TextVector text_vector(const std::string& text, size_t hashed = 0) const;

 protected:
  LabelVector look_up_folded(const std::string& name, const std::string& folded) const override;

 private:
  /* A distinct word: how often it is there, and the known words that it is made of. */
  struct Term {
    std::string word;
    size_t count;
    std::vector<size_t> pieces;
    std::string how;
  };
  /* Rows of pairs of numbers of four bits, and a scale each. */
  struct Rows {
    std::string_view pairs, scales;
  };
  struct Sum;
  using Vector = std::vector<double>; /* empty where there is none */

  Rows rows_of(const Tables& tables, const std::string& name, const std::string& scales,
               uint64_t count) const;
  Vector mean_of(const Tables& tables, const std::string& name) const;
  std::vector<Term> terms_of(const std::vector<std::string>& words) const;
  Vector unit(const std::vector<Term>& terms, const Vector& mean) const;
  void hash(const std::vector<Term>& terms, float* into, size_t size) const;
  Vector spelt(const std::string& word) const;
  std::vector<float> scaled(const Vector& unit) const;

  Rows vectors_, grams_;
  uint64_t gram_count_ = 0;
  Vector text_mean_, name_mean_;
  double norm_ = 0;
};

}  // namespace app

#endif
