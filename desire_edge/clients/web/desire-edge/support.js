/** The support set: examples and the labels a person gave them. desire_edge/runtime/support.py. */

import { DesireEdgeError } from "./errors.js";
import { readInputFile } from "./inputs/files.js";
import { finder, readMetadata, textOf } from "./inputs/folder.js";
import { cleanAll } from "./inputs/names.js";

const MAX_EXAMPLES = 4096;
const MAX_FOLDER_BYTES = 256 * 2 ** 20;

/**
 * Examples with every field checked: {raw, labels, negativeLabels, knownLabels, name}. `raw` is a text, an object from
 * feature to number, or a vector; the lists and the name may be left away.
 */
export function checkExamples(examples) {
  return examples.map(({ raw, labels = [], negativeLabels = [], knownLabels = [], name }, index) => {
    const where = name ?? `example ${index}`;
    const example = {
      raw,
      labels: cleanAll(labels, where),
      negativeLabels: cleanAll(negativeLabels, where),
      knownLabels: cleanAll(knownLabels, where),
      name: where,
    };
    const both = example.negativeLabels.find((label) => example.labels.includes(label));
    if (both !== undefined) {
      throw new DesireEdgeError(`${where}: '${both}' is both a label and a negative label`, "name-both");
    }
    return example;
  });
}

/** All label names of examples, in the order in which they first appear. */
export function namesOf(examples) {
  return [...new Set(examples.flatMap((example) => [...example.labels, ...example.negativeLabels]))];
}

/** The examples of a folder as inputs/folder.js has one, those that its metadata name; `where` names it in errors. */
export async function readSupport(folder, where) {
  const { name, entries } = await readMetadata(folder, where);
  const find = finder(folder);
  const examples = [];
  let bytes = 0;
  for (const { entry, where: place } of entries) {
    if (examples.length === MAX_EXAMPLES) {
      throw new DesireEdgeError(`${name} names more than ${MAX_EXAMPLES} examples`, "examples-many");
    }
    const text = textOf(entry, place);
    const found = text === null ? await find(entry.file_name, place) : null;
    const raw = found ? await readInputFile(found.path, found.file) : text;
    bytes += found ? found.file.size : 0;
    if (bytes > MAX_FOLDER_BYTES) {
      throw new DesireEdgeError(
        `${name} names files of more than ${MAX_FOLDER_BYTES / 2 ** 20} MiB in all; adapt with fewer or smaller ones`,
        "folder-large",
      );
    }
    const [example] = checkExamples([
      {
        raw,
        labels: entry.labels ?? null,
        negativeLabels: listOf(entry.negative_labels),
        knownLabels: listOf(entry.known_labels),
        name: place,
      },
    ]);
    examples.push({ ...example, name: found ? found.path : place });
  }
  if (!examples.length) throw new DesireEdgeError(`${name} names no examples; add one`, "examples-none");
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

/** A list that an entry may leave away, as it stands there; empty where there is nothing. */
function listOf(value) {
  const empty = value === undefined || value === null || value === "";
  return empty ? [] : value;
}
