/** The support set: examples and the labels a person gave them. desire_edge/runtime/support.py. */

import { CONTROL, DesireEdgeError, shown } from "./errors.js";
import { MAX_FILE_BYTES, readInput } from "./features.js";
import { strip } from "./text.js";

const METADATA = "metadata.jsonl";
const MAX_EXAMPLES = 4096;
const MAX_NAME = 200;

/** A label's name without white space at its ends; empty, overlong ones and ones with control characters are refused. */
export function checkName(name, where) {
  if (typeof name !== "string") throw new DesireEdgeError(`${where}: a label is ${shown(name)}, not a name`);
  const stripped = strip(name);
  if (!stripped) throw new DesireEdgeError(`${where}: a label name is empty`);
  if ([...stripped].length > MAX_NAME || CONTROL.test(stripped)) {
    throw new DesireEdgeError(
      `${where}: label names are at most ${MAX_NAME} characters without control characters, and '${shown(stripped)}' is not`,
    );
  }
  return stripped;
}

/** Checked names, none of them twice. */
export function checkNames(names, where) {
  if (!Array.isArray(names)) throw new DesireEdgeError(`${where} are ${shown(names ?? null)}, not a list of names`);
  const checked = names.map((name) => checkName(name, where));
  const twice = checked.find((name, index) => checked.indexOf(name) < index);
  if (twice !== undefined) throw new DesireEdgeError(`${where}: the label '${shown(twice)}' is named twice`);
  return checked;
}

/**
 * Examples with every field checked: {raw, labels, negativeLabels, knownLabels, name}. `raw` is a text, an object from
 * feature to number, or a vector; the lists and the name may be left away.
 */
export function checkExamples(examples) {
  return examples.map(({ raw, labels = [], negativeLabels = [], knownLabels = [], name }, index) => {
    const where = name ?? `example ${index}`;
    const example = {
      raw,
      labels: checkNames(labels, where),
      negativeLabels: checkNames(negativeLabels, where),
      knownLabels: checkNames(knownLabels, where),
      name: where,
    };
    const both = example.negativeLabels.find((label) => example.labels.includes(label));
    if (both !== undefined) throw new DesireEdgeError(`${where}: '${both}' is both a label and a negative label`);
    return example;
  });
}

/** All label names of examples, in the order in which they first appear. */
export function namesOf(examples) {
  return [...new Set(examples.flatMap((example) => [...example.labels, ...example.negativeLabels]))];
}

/**
 * The examples of a support folder: those that its metadata.jsonl names. `read` gives a file's bytes by its name in the
 * folder, or null where there is none; it must not leave the folder.
 */
export async function readSupport(read, where) {
  const metadata = await read(METADATA);
  if (!metadata && (await read("metadata.csv"))) {
    throw new DesireEdgeError(
      `the support folder ${where} has a metadata.csv, but this client reads ${METADATA} alone; write one instead`,
    );
  }
  if (!metadata) {
    throw new DesireEdgeError(`the support folder ${where} holds no ${METADATA}; write one, with an entry an example`);
  }
  if (metadata.length > MAX_FILE_BYTES) {
    throw new DesireEdgeError(`${where}/${METADATA} is larger than ${MAX_FILE_BYTES / 2 ** 20} MiB, so it is not read`);
  }
  let lines;
  try {
    lines = new TextDecoder("utf-8", { fatal: true }).decode(metadata).split("\n");
  } catch {
    throw new DesireEdgeError(`${where}/${METADATA} is not UTF-8 text; save it as UTF-8`);
  }
  const examples = [];
  for (const [index, line] of lines.entries()) {
    if (!strip(line)) continue;
    const place = `${where}/${METADATA}, line ${index + 1}`;
    if (examples.length === MAX_EXAMPLES) throw new DesireEdgeError(`${place}: more than ${MAX_EXAMPLES} examples`);
    let entry;
    try {
      entry = JSON.parse(line);
    } catch (error) {
      throw new DesireEdgeError(`${place} is not valid JSON: ${error.message}`);
    }
    const name = entry?.file_name;
    if (typeof name !== "string" || !name) throw new DesireEdgeError(`${place} has no file_name`);
    const bytes = await read(name);
    if (!bytes) throw new DesireEdgeError(`${place}: the folder holds no file ${shown(name)}`);
    const { labels, negative_labels: negativeLabels, known_labels: knownLabels } = entry;
    const [checked] = checkExamples([
      {
        raw: readInput(name, bytes),
        labels: labels ?? null,
        negativeLabels: negativeLabels ?? [],
        knownLabels: knownLabels ?? [],
        name: place,
      },
    ]);
    examples.push({ ...checked, name });
  }
  if (!examples.length) throw new DesireEdgeError(`${where}/${METADATA} names no examples; add one`);
  return examples;
}

/** Targets and mask, both Float32Array [S, N] by rows; `missing` says what an example's lack of a label means. */
export function targetsOf(examples, names, missing) {
  const targets = new Float32Array(examples.length * names.length);
  const mask = new Float32Array(targets.length).fill(missing === "negative" ? 1 : 0);
  examples.forEach((example, row) => {
    for (const label of example.labels) targets[row * names.length + names.indexOf(label)] = 1;
    for (const label of [...example.labels, ...example.negativeLabels]) {
      mask[row * names.length + names.indexOf(label)] = 1;
    }
  });
  return { targets, mask };
}
