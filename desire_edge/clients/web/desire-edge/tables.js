/** The tables of a lexicon's file, checked so that no look-up can leave them: desire_edge/lexicon/format.py. */

import { DesireEdgeError } from "./errors.js";
import { readSafetensors } from "./safetensors.js";

const SCHEMA = 1;
const [LOW, HIGH] = [1e-9, 1e9]; // of scales and norms

/**
 * {words, offsets, ranks, sources} of a file's bytes, which are read in place; a source is {dim, norm, vectors, scales,
 * rows}. `where` names the file in errors.
 */
export function readTables(bytes, where) {
  const { tensors, metadata } = readSafetensors(bytes, where, "lexicon");
  const need = (condition, complaint) => {
    if (!condition) {
      throw new DesireEdgeError(`the lexicon ${where} is damaged: ${complaint}; export or copy it again`, "lexicon");
    }
  };
  const table = (name, dtypes, dimensions) => {
    const found = tensors.get(name);
    need(found, `the table '${name}' is missing`);
    need(dtypes.includes(found.dtype) && found.shape.length === dimensions, `the table '${name}' is of another kind`);
    return found;
  };
  const description = jsonOf(metadata.lexicon);
  need(description?.schema === SCHEMA && Array.isArray(description.sources), `its schema is not ${SCHEMA}`);
  const [words, offsets, ranks] = [
    table("words", ["U8"], 1),
    table("offsets", ["U32"], 1),
    table("ranks", ["U32"], 1),
  ].map(({ data }) => data);
  const length = offsets.length - 1;
  need(length >= 1 && ranks.length === length, "its words and ranks differ in number");
  checkWords(words, offsets, need);
  const seen = new Uint8Array(length);
  need(
    ranks.every((rank) => rank < length && seen[rank]++ === 0),
    "its ranks are not the numbers from 0 to n - 1",
  );
  const sources = description.sources.map((source, number) => {
    const vectors = table(`vectors.${number}`, ["I8"], 2);
    const scales = table(`scales.${number}`, ["F32"], 1).data;
    const rows = table(`rows.${number}`, ["U16", "U32"], 1).data;
    const [count, dim] = vectors.shape;
    const { name, norm } = source ?? {};
    need(typeof name === "string", `source ${number} has no name`);
    need(typeof norm === "number" && norm >= LOW && norm <= HIGH, `the norm of source ${number} is out of range`);
    need(source.dim === dim && scales.length === count, `the tables of source ${number} differ in size`);
    need(
      scales.every((scale) => scale >= LOW && scale <= HIGH),
      `a scale of source ${number} is out of range`,
    );
    need(rows.length === length && rows.every((row) => row <= count), `a row of source ${number} is out of range`);
    return { dim, norm, vectors: vectors.data, scales, rows };
  });
  need(
    ranks.every((_, word) => sources.some(({ rows }) => rows[word] > 0)),
    "a word has no vector",
  );
  need(sources.reduce((sum, { dim }) => sum + dim, 0) >= 2, "its vectors have fewer than two dimensions");
  return { words, offsets, ranks, sources };
}

/** The words must be whole strings in UTF-8, in increasing order of their bytes. */
function checkWords(words, offsets, need) {
  const length = offsets.length - 1;
  need(offsets[0] === 0 && offsets[length] === words.length, "its offsets do not span the words");
  for (let word = 0; word < length; word++) {
    need(offsets[word] < offsets[word + 1], "its word offsets do not increase");
    need((words[offsets[word]] & 0xc0) !== 0x80, "a word begins within a character");
    need(word === 0 || follows(words, offsets, word), "its words are not sorted");
  }
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(words);
  } catch {
    need(false, "its words are not UTF-8");
  }
}

/** Whether a word comes after the one before it. */
function follows(words, offsets, word) {
  const [before, start, end] = offsets.subarray(word - 1, word + 2);
  let at = 0;
  while (before + at < start && start + at < end && words[before + at] === words[start + at]) at++;
  return start + at < end && (before + at === start || words[before + at] < words[start + at]);
}

function jsonOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
