/** The support set: examples and the labels a person gave them. desire_edge/runtime/support.py. */

import { DesireEdgeError } from "./errors.js";
import { checkNames } from "./inputs/names.js";

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
