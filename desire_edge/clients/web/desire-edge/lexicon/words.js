/** The words of a lexicon: where each stands, how frequent it is, and of which known ones another is made. */

import { lower, splitCamelCase } from "../text.js";
import { splitCompound } from "./compounds.js";

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

/** Folded words, sorted by their UTF-8 bytes, and their ranks, 0 the most frequent. */
export class Words {
  /** From checked tables, as `readTables` gives them. */
  constructor({ words, offsets, ranks }) {
    Object.assign(this, { bytes: words, offsets, ranks, length: ranks.length });
  }

  /** The word of an index. */
  at(index) {
    return DECODER.decode(this.bytes.subarray(this.offsets[index], this.offsets[index + 1]));
  }

  /** The index of a folded word, or null: binary search over the words' UTF-8 bytes. */
  find(folded) {
    const wanted = ENCODER.encode(folded);
    let [low, high] = [0, this.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = this.#compare(middle, wanted);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return null;
  }

  /** The known words that make up one word, as indices, and how they were found; [[], "seeded"] where there are none. */
  pieces(word) {
    const folded = lower(word);
    const whole = this.#findAll([folded]);
    if (whole) return [whole, "words"];
    const parts = this.#findAll(splitCamelCase(word).map(lower));
    if (parts) return [parts, "compound"];
    const bare = folded.replace(/[+#]+$/, ""); // an unknown "c#" is better taken for "c" than for nothing
    const stem = this.#findAll([bare]);
    if (stem) return [stem, "subwords"];
    const split = splitCompound(bare, (piece) => {
      const index = this.find(piece);
      return index === null ? null : this.ranks[index];
    });
    if (!split) return [[], "seeded"];
    return [this.#findAll(split.pieces), split.complete ? "compound" : "subwords"];
  }

  #findAll(words) {
    const found = words.map((word) => this.find(word));
    return found.includes(null) ? null : found;
  }

  /** Below 0 if word `index` comes before the bytes `wanted`, 0 if it is that, above 0 if it comes after. */
  #compare(index, wanted) {
    const [start, end] = [this.offsets[index], this.offsets[index + 1]];
    const shared = Math.min(end - start, wanted.length);
    for (let i = 0; i < shared; i++) {
      const difference = this.bytes[start + i] - wanted[i];
      if (difference) return difference;
    }
    return end - start - wanted.length;
  }
}
