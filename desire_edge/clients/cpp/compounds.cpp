#include "compounds.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "text.h"

namespace app {
namespace {

constexpr size_t kLongestWord = 64, kLongestPiece = 20, kShortestBesideAGap = 4;
constexpr double kGap = 14;  // cost of leaving one letter out
constexpr double kCovered = 0.6;
constexpr double kNever = std::numeric_limits<double>::infinity();

/* A word by its letters: its bytes, and where each letter begins, the end of the word last. */
struct Letters {
  std::string_view text;
  std::vector<size_t> starts;

  size_t size() const { return starts.size() - 1; }
  std::string_view part(size_t first, size_t last) const {
    return text.substr(starts[first], starts[last] - starts[first]);
  }
};

/* -log of a piece's probability, by Zipf's law from its rank; rare short pieces are mostly scraps of longer
 * words. */
double piece_cost(const Letters& word, size_t start, size_t end, const Rank& rank) {
  const std::string_view piece = word.part(start, end);
  const size_t size = end - start;
  if (size < (end == word.size() ? 3 : 2) && !is_decimal(characters(std::string(piece)))) return kNever;
  const std::optional<uint32_t> found = rank(piece);
  if (!found) return kNever;
  if (size <= 3 && *found > (size == 3 ? 20000 : 3000)) return kNever;
  return std::log(10.0 * (static_cast<double>(*found) + 1));
}

std::optional<Split> cheapest(const Letters& word, const Rank& rank, bool gaps) {
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
      if (best[start].cost >= choice.cost) continue;  // so the piece, which costs something, cannot help
      const double cost = best[start].cost + piece_cost(word, start, end, rank);
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
    split.pieces.emplace(split.pieces.begin(), word.part(best[end].start, end));
  }
  if (covered == 0 || static_cast<double>(covered) < kCovered * static_cast<double>(word.size()))
    return std::nullopt;
  split.complete = covered == word.size();
  return split;
}

}  // namespace

std::optional<Split> split_compound(const std::string& text, const Rank& rank) {
  Letters word{text, {}};
  for (size_t i = 0; i < text.size(); ++i) {
    if ((text[i] & 0xc0) != 0x80) word.starts.push_back(i);
  }
  word.starts.push_back(text.size());
  if (word.size() > kLongestWord) return std::nullopt;
  if (const auto whole = cheapest(word, rank, false)) return whole;
  return cheapest(word, rank, true);
}

}  // namespace app
