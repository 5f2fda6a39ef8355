/** Folding and splitting text: desire_edge/lexicon/text.py, rule by rule. */

const APOSTROPHES = /['’]/g;
const RUN = /[\p{L}\p{M}\p{N}]+(?:\+\+|#)?/gu;
const SPACE = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const ENDS = new RegExp(`^${SPACE}+|${SPACE}+$`, "g");

/** Text in Unicode's NFKC form, in lower case. */
export function fold(text) {
  return text.normalize("NFKC").toLowerCase();
}

/** The folded words of a text: runs of letters, marks and digits, with a "++" or "#" that follows. */
export function tokenize(text) {
  return runs(fold(text));
}

/** As `tokenize`, but the case of the letters stays, for `splitCamelCase`. */
export function splitName(name) {
  return runs(name.normalize("NFKC"));
}

/** "openSource" -> ["open", "Source"]: between a lower-case and an upper-case ASCII letter. */
export function splitCamelCase(word) {
  return word.split(/(?<=[a-z])(?=[A-Z])/);
}

/** Without the white space at both ends, as Python counts white space (`trim` also takes U+FEFF, and leaves U+0085). */
export function strip(text) {
  return text.replace(ENDS, "");
}

function runs(text) {
  return text.replace(APOSTROPHES, "").match(RUN) ?? [];
}
