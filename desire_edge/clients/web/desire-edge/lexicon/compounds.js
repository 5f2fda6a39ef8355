/** Splitting a word nobody knows into known ones: desire_edge/lexicon/compounds.py. */

const LONGEST_WORD = 64;
const LONGEST_PIECE = 20;
const RAREST = { 1: 3000, 2: 3000, 3: 20000 }; // rare short words are mostly scraps of longer ones
const GAP = 14; // the cost of leaving one letter out
const SHORTEST_BESIDE_A_GAP = 4;
const COVERED = 0.6;

/**
 * The most probable pieces of `word` and whether they cover it: {pieces, complete}, or null if known pieces cover less
 * than 60 % of its letters. `rank` gives a word's unigram rank, 0 the most frequent, or null.
 */
export function splitCompound(word, rank) {
  const letters = [...word];
  if (letters.length > LONGEST_WORD) return null;
  return cheapest(letters, rank, false) ?? cheapest(letters, rank, true);
}

function cheapest(letters, rank, gaps) {
  const shortest = gaps ? SHORTEST_BESIDE_A_GAP : 1;
  // For every prefix of the word: its cost, where its last piece starts, and whether that piece is a known word.
  const best = [{ cost: 0, start: 0, known: false }];
  for (let end = 1; end <= letters.length; end++) {
    let choice = { cost: gaps ? best[end - 1].cost + GAP : Infinity, start: end - 1, known: false };
    for (let start = Math.max(0, end - LONGEST_PIECE); start <= end - shortest; start++) {
      const cost = best[start].cost + pieceCost(letters.slice(start, end), rank, end === letters.length);
      if (cost < choice.cost) choice = { cost, start, known: true };
    }
    best.push(choice);
  }
  if (best.at(-1).cost === Infinity) return null;
  const pieces = [];
  let covered = 0;
  for (let end = letters.length; end > 0; end = best[end].start) {
    if (!best[end].known) continue;
    const piece = letters.slice(best[end].start, end);
    pieces.unshift(piece.join(""));
    covered += piece.length;
  }
  if (covered === 0 || covered < COVERED * letters.length) return null;
  return { pieces, complete: covered === letters.length };
}

function pieceCost(letters, rank, last) {
  const piece = letters.join("");
  if (letters.length < (last ? 3 : 2) && !/^\p{Nd}+$/u.test(piece)) return Infinity;
  const found = rank(piece);
  if (found === null || found > (RAREST[letters.length] ?? found)) return Infinity;
  return Math.log(10 * (found + 1));
}
