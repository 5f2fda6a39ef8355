/* Splitting a word nobody knows into known ones; as desire_edge/lexicon/compounds.py. */
#ifndef DESIRE_EDGE_APP_COMPOUNDS_H
#define DESIRE_EDGE_APP_COMPOUNDS_H

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace app {

/* The rank of a folded word, 0 the most frequent, if it is known. */
using Rank = std::function<std::optional<uint32_t>(std::string_view)>;

/* Known pieces of a word, and whether they are all of it. */
struct Split {
  std::vector<std::string> pieces;
  bool complete;
};

/* The most probable known pieces of a word; letters are left out only if no pieces make up the whole of it. */
std::optional<Split> split_compound(const std::string& word, const Rank& rank);

}  // namespace app

#endif
