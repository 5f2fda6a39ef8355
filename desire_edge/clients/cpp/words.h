/* The words of a lexicon: where each stands, how frequent it is, and of which known ones another is made; as
 * desire_edge/lexicon/words.py. */
#ifndef DESIRE_EDGE_APP_WORDS_H
#define DESIRE_EDGE_APP_WORDS_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tables.h"

namespace app {

class Words {
 public:
  /* Takes and checks a lexicon's words, sorted by their bytes, and ranks. */
  explicit Words(const Tables& tables);

  size_t size() const { return prefixes_.size(); }
  std::string_view at(size_t index) const;
  /* 0 is the most frequent. */
  uint32_t rank(size_t index) const { return number<uint32_t>(ranks_, index); }
  std::optional<size_t> find(std::string_view folded) const;
  /* The known words that make up one word, and how they were found: words, compound or subwords; none, and
   * seeded, where nothing is known of it. */
  std::vector<size_t> pieces(const std::string& word, std::string* how) const;

 private:
  std::vector<size_t> find_all(const std::vector<std::string>& words) const;

  std::string_view bytes_, offsets_, ranks_;
  std::vector<uint64_t> prefixes_; /* each word's first eight bytes: comparing these is much quicker */
};

}  // namespace app

#endif
