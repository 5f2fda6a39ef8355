/**
 * Folding and splitting text, rule by rule as desire_edge/lexicon/text.py does. What a character is says Unicode 14.0.0,
 * whatever the platform has: its own tables serve only for runs of characters that were assigned then, which later
 * versions of Unicode leave as they are.
 */

import { RUNS } from "./characters.js";

const ASCII = /^[\x00-\x7f]*$/;
const APOSTROPHES = /['’]/g;
const SPACE = /[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;
const [WORD, UNASSIGNED] = ["W", "U"].map((letter) => letter.charCodeAt(0));

/** The class of each code point. */
const CLASSES = new Uint8Array(0x110000);
let filled = 0;
for (const [, length, letter] of RUNS.matchAll(/([0-9a-z]+)([A-Z])/g)) {
  CLASSES.fill(letter.charCodeAt(0), filled, (filled += parseInt(length, 36)));
}

/** Text in Unicode's normal form `form`. */
export function normalize(text, form) {
  return byRuns(text, (run) => run.normalize(form));
}

/** Text in lower case. */
export function lower(text) {
  return byRuns(text, (run) => run.toLowerCase());
}

/** Text in Unicode's NFKC form, in lower case. */
export function fold(text) {
  return byRuns(text, (run) => run.normalize("NFKC").toLowerCase());
}

/** The folded words of a text: runs of letters, marks and digits, with a "++" or "#" that follows. */
export function tokenize(text) {
  return words(fold(text));
}

/** As `tokenize`, but the case of the letters stays, for `splitCamelCase`. */
export function splitName(name) {
  return words(normalize(name, "NFKC"));
}

/** "openSource" -> ["open", "Source"]: between a lower-case and an upper-case ASCII letter. */
export function splitCamelCase(word) {
  return word.split(/(?<=[a-z])(?=[A-Z])/);
}

/** Without the white space at both ends, which is Unicode's (`trim` also takes U+FEFF, and leaves U+0085). */
export function strip(text) {
  let [start, end] = [0, text.length];
  while (start < end && SPACE.test(text[start])) start++;
  while (end > start && SPACE.test(text[end - 1])) end--;
  return text.slice(start, end);
}

/** Text with each longest run of assigned characters changed by `change`. */
function byRuns(text, change) {
  if (ASCII.test(text)) return change(text);
  let changed = "";
  let start = 0; // of the run
  for (let at = 0; at < text.length;) {
    const code = text.codePointAt(at);
    const end = at + widthOf(code);
    if (CLASSES[code] === UNASSIGNED) {
      changed += change(text.slice(start, at)) + text.slice(at, end);
      start = end;
    }
    at = end;
  }
  return changed + change(text.slice(start));
}

function words(text) {
  const bare = text.replace(APOSTROPHES, "");
  const found = [];
  for (let at = 0; at < bare.length;) {
    const start = at;
    for (let code; CLASSES[(code = bare.codePointAt(at))] === WORD;) at += widthOf(code);
    if (at === start) {
      at += 1;
      continue;
    }
    if (bare.startsWith("++", at)) at += 2;
    else if (bare[at] === "#") at += 1;
    found.push(bare.slice(start, at));
  }
  return found;
}

/** How many units of UTF-16 a code point takes. */
function widthOf(code) {
  return code > 0xffff ? 2 : 1;
}
