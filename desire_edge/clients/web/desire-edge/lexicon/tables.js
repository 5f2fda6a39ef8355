/**
 * The tables of a lexicon's file, checked so that no look-up can leave them: desire_edge/lexicon/format.py. Those of
 * schema 1 have the vectors of several sources, those of schema 2 are static.
 */

import { DesireEdgeError } from "../errors.js";
import { readSafetensors } from "../safetensors.js";

const [LOW, HIGH] = [1e-9, 1e9]; // of scales and norms
const MOST_LINEAGE = 64;
const LINEAGE = ["name", "version", "licence", "role"];
const ZEROS = 0x88; // two numbers of four bits that are 0

/**
 * {words, offsets, ranks} of a file's bytes, which are read in place, and either `sources`, each {dim, norm, vectors,
 * scales, rows}, or `static`, {dim, norm, vectors, scales, grams, gramScales, textMean, nameMean}. `where` names the file
 * in errors.
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
  const readVectors = { 1: readSources, 2: readStatic }[description?.schema];
  need(typeof description?.schema === "number" && readVectors, "its schema is neither 1 nor 2");
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
  return { words, offsets, ranks, ...readVectors(description, table, length, need) };
}

/** The vectors of schema 1. */
function readSources(description, table, length, need) {
  need(Array.isArray(description.sources), "it has no list of sources");
  const sources = description.sources.map((source, number) => {
    const vectors = table(`vectors.${number}`, ["I8"], 2);
    const scales = table(`scales.${number}`, ["F32"], 1).data;
    const rows = table(`rows.${number}`, ["U16", "U32"], 1).data;
    const [count, dim] = vectors.shape;
    const { name, norm } = source ?? {};
    need(typeof name === "string", `source ${number} has no name`);
    need(inRange(norm), `the norm of source ${number} is out of range`);
    need(source.dim === dim && scales.length === count, `the tables of source ${number} differ in size`);
    need(scales.every(inRange), `a scale of source ${number} is out of range`);
    need(rows.length === length && rows.every((row) => row <= count), `a row of source ${number} is out of range`);
    return { dim, norm, vectors: vectors.data, scales, rows };
  });
  for (let word = 0; word < length; word++) {
    need(
      sources.some(({ rows }) => rows[word] > 0),
      "a word has no vector",
    );
  }
  need(sources.reduce((sum, { dim }) => sum + dim, 0) >= 2, "its vectors have fewer than two dimensions");
  return { sources };
}

/** The vectors of schema 2: rows of pairs of numbers of four bits, and a scale each. */
function readStatic({ dim, norm, grams: count, lineage }, table, length, need) {
  const rows = (name, scalesName, wanted) => {
    const { data, shape } = table(name, ["U8"], 2);
    const scales = table(scalesName, ["F32"], 1).data;
    need(shape[0] === wanted && scales.length === wanted, `the tables '${name}' and '${scalesName}' differ in length`);
    need(2 * shape[1] === dim, `the table '${name}' is not as wide as its metadata says`);
    need(scales.every(inRange), `a scale in '${scalesName}' is out of range`);
    need(
      data.every((pair) => (pair & 0x0f) !== 0 && (pair & 0xf0) !== 0),
      `the table '${name}' holds a number below -7`,
    );
    return [data, scales];
  };
  const mean = (name) => {
    const { data } = table(name, ["F32"], 1);
    need(data.length === dim, `the table '${name}' is no vector of its dimensions`);
    need(
      data.every((value) => Math.abs(value) <= 1),
      `the table '${name}' holds a number that is not from -1 to 1`,
    );
    return data;
  };
  need(dim >= 2, "its vectors have fewer than two dimensions");
  need(inRange(norm), "its norm is out of range");
  need(
    Array.isArray(lineage) &&
      lineage.length <= MOST_LINEAGE &&
      lineage.every((entry) => LINEAGE.every((field) => typeof entry?.[field] === "string")),
    "it does not say what it was made of",
  );
  need(count >= 1, "it has no n-grams");
  const [vectors, scales] = rows("vectors", "scales", length);
  const width = dim / 2;
  for (let word = 0; word < length; word++) {
    need(
      vectors.subarray(word * width, (word + 1) * width).some((pair) => pair !== ZEROS),
      "a word has no vector",
    );
  }
  const [grams, gramScales] = rows("grams", "gram_scales", count);
  const [textMean, nameMean] = [mean("text_mean"), mean("name_mean")];
  return { static: { dim, norm, vectors, scales, grams, gramScales, textMean, nameMean } };
}

function inRange(value) {
  return typeof value === "number" && value >= LOW && value <= HIGH;
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
