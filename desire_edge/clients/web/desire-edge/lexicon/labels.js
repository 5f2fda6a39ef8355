/** The vectors of a task's labels: one a name, no two of them equal. desire_edge/lexicon/lexicon.py. */

import { DesireEdgeError } from "../errors.js";
import { fold, strip } from "../text.js";
import { norm, seededDirection } from "./seeded.js";

const SAME = 0.9999; // cosine above which two names' vectors count as equal
const ENCODED_NORM = 4; // of vectors that a text encoder makes
const APART = 0.1; // the part added to tell them apart, relative to the vector's norm

/**
 * The vectors of label names. A subclass has `dim`, and `lookUpFolded(name, folded)`, which says how a name is
 * understood: {name, vector: Float32Array [dim], known, unknown, how}, `how` as in Python.
 */
export class LabelVectors {
  /** How a label's name is understood; any text but an empty one is a name. */
  lookUp(name) {
    name = strip(name);
    const folded = strip(fold(name));
    if (!folded) throw new DesireEdgeError("a label's name is empty; give every label a name", "name-empty");
    return this.lookUpFolded(name, folded);
  }

  /** {entries, warnings} of N names, as `toldApart` gives them. */
  lookUpAll(names) {
    return toldApart(names.map((name) => this.lookUp(name)));
  }
}

/** {entries, warnings} of labels' entries, no two vectors equal: a later one that is gets a part of its own added. */
export function toldApart(given) {
  const warnings = [];
  const entries = [...given];
  const directions = [];
  entries.forEach((entry, column) => {
    if (entries.findIndex((other) => other.name === entry.name) < column) {
      throw new DesireEdgeError(`the label '${entry.name}' is given twice; give every label once`, "name-twice");
    }
    directions[column] = direction(entry.vector);
    const cosines = directions.slice(0, column).map((other) => dot(other, directions[column]));
    const cosine = Math.max(-1, ...cosines);
    if (cosine > SAME) {
      const other = entries[cosines.indexOf(cosine)].name;
      entries[column] = { ...entry, vector: withOwnPart(entry.vector, entry.name) };
      directions[column] = direction(entries[column].vector);
      warnings.push(
        `the labels '${other}' and '${entry.name}' have the same word vector; a small part made from the second ` +
          "name tells them apart",
      );
    }
  });
  return { entries, warnings };
}

/** The entry of a name, of which a text encoder made `vector`; where that is nothing, of a direction of its own. */
export function encodedEntry(name, vector, dim) {
  if (norm(vector) > ENCODED_NORM / 2) {
    return { name, vector: Float32Array.from(vector), known: [name], unknown: [], how: "encoder" };
  }
  const seeded = Float32Array.from(seededDirection(name, dim), (value) => ENCODED_NORM * value);
  return { name, vector: seeded, known: [], unknown: [name], how: "seeded" };
}

function withOwnPart(vector, name) {
  const square = dot(vector, vector);
  let part = seededDirection(name, vector.length);
  const along = dot(part, vector) / square;
  part = part.map((value, i) => value - vector[i] * along);
  const scale = (APART * Math.sqrt(square)) / norm(part);
  return vector.map((value, i) => value + part[i] * scale);
}

function direction(vector) {
  const length = norm(vector);
  return vector.map((value) => value / length);
}

function dot(first, second) {
  let sum = 0;
  first.forEach((value, i) => (sum += value * second[i]));
  return sum;
}
