/** An adapted task: it predicts, and gives the files an app runs. desire_edge/runtime/task.py. */

import { DesireEdgeError } from "./errors.js";
import { BASE, EXTRACTOR, HEAD_FRAGMENT } from "./manifest.js";
import { completeModel, standaloneModel } from "./model-file.js";
import { writeSafetensors } from "./safetensors.js";
import { runRows } from "./session.js";

const TASK_SCHEMA_VERSION = 2;
const BY_LABEL = ["v", "l", "m", "b", "used"]; // the weights whose last axis is the labels

/** What `Bundle.adapt` gives: `labels`, their `thresholds`, `entries` (how each name was understood), `report`. */
export class Task {
  constructor(bundle, { entries, weights, thresholds, taught, report }) {
    Object.assign(this, { bundle, entries, weights, thresholds, taught, report });
    this.labels = entries.map((entry) => entry.name);
  }

  /** The probabilities of n raw inputs, n lists of N numbers; `knownLabels`, where the bundle uses them, a list an input. */
  async predict(inputs, knownLabels = inputs.map(() => [])) {
    if (!Array.isArray(knownLabels) || knownLabels.length !== inputs.length || !knownLabels.every(Array.isArray)) {
      throw new DesireEdgeError(
        `there must be one list of known labels an input, and there are ${inputs.length} inputs`,
      );
    }
    const names = inputs.map((_, index) => `input ${index}`);
    const known = this.bundle.knownRows(knownLabels, names);
    const { ort, where, manifest, sessions } = this.bundle;
    const rows = { z: { columns: manifest.dimension, data: (await this.bundle.extract(inputs, names)).z } };
    if (manifest.known_labels) {
      rows.known_labels = { columns: manifest.base_labels.length, data: known };
    }
    const columns = manifest.ways;
    const found = await runRows(
      ort,
      sessions.head,
      { rows, fixed: this.weights, count: inputs.length, batch: manifest.batch, wanted: "probabilities", columns },
      `${where}/head.onnx`,
    );
    return inputs.map((_, row) => [...found.subarray(row * columns, row * columns + this.labels.length)]);
  }

  /** The labels whose probability reaches their threshold; an empty list says: none of these. */
  decide(probabilities) {
    return this.labels.filter((_, index) => probabilities[index] >= this.thresholds[index]);
  }

  /** The bytes of model.onnx: x -> probabilities [batch, N], for any ONNX Runtime. */
  async model() {
    const { manifest, where } = this.bundle;
    const files = manifest.extractor === BASE ? [BASE] : [EXTRACTOR, HEAD_FRAGMENT];
    const parts = await Promise.all(files.map(async (name) => [`${where}/${name}`, await this.bundle.file(name)]));
    const metadata = { labels: this.labels, thresholds: this.thresholds, input: manifest.input, bundle: manifest.name };
    if (manifest.known_labels) metadata.known_labels = manifest.base_labels;
    const entries = Object.entries(metadata).map(([key, value]) => [`desire_edge.${key}`, JSON.stringify(value)]);
    const said = Object.fromEntries(entries);
    if (manifest.extractor !== BASE) return completeModel(parts, prefixed(this.weights), said);
    return standaloneModel(parts[0], prefixed(ofLabels(this.weights, this.labels.length)), said);
  }

  /** The files beside model.onnx that its input needs, name -> bytes. */
  async assets() {
    const { manifest } = this.bundle;
    return new Map(await Promise.all(manifest.input.assets.map(async (name) => [name, await this.bundle.file(name)])));
  }

  /**
   * The bytes of task.safetensors, what was taught: `desire-edge adapt --from` goes on from it. It holds the examples'
   * features in half precision and no raw input.
   */
  taughtFile() {
    const { manifest } = this.bundle;
    const { z, vectors, targets, mask, known, examples } = this.taught;
    const { dimension, base_labels: base, known_labels: usesKnown } = manifest;
    const labels = this.labels.length;
    const columns = new Uint16Array(manifest.names.dimension * labels);
    vectors.forEach((vector, column) => vector.forEach((bits, row) => (columns[row * labels + column] = bits)));
    const tensors = {
      vectors: { dtype: "F16", shape: [manifest.names.dimension, labels], data: columns },
      z: { dtype: "F16", shape: [examples, dimension], data: z },
      targets: packed(targets, examples, labels),
      mask: packed(mask, examples, labels),
      label_changes: { dtype: "U8", shape: [labels], data: new Uint8Array(labels) },
      example_changes: { dtype: "U8", shape: [examples], data: new Uint8Array(examples) },
    };
    if (usesKnown) tensors.known_labels = packed(known, examples, base.length);
    const settings = {
      schema_version: TASK_SCHEMA_VERSION,
      bundle: manifest.name,
      extractor: manifest.files[manifest.extractor].sha256,
      semantics: manifest.files["semantics.safetensors"].sha256,
      base_labels: usesKnown ? base.length : 0,
      keep_base: false,
      labels: this.labels,
    };
    return writeSafetensors(tensors, { desire_edge: JSON.stringify(settings) });
  }
}

/** A task's weights by the names that a model has for them. */
function prefixed(weights) {
  return Object.fromEntries(Object.entries(weights).map(([name, tensor]) => [`task.${name}`, tensor]));
}

/** A task's weights, which adapt.onnx gives for `ways` labels, with the columns of its own labels alone. */
function ofLabels(weights, labels) {
  const cut = ([name, { shape, data }]) => {
    if (!BY_LABEL.includes(name)) return [name, { shape, data }];
    const ways = shape.at(-1);
    const rows = data.length / ways;
    const part = Float32Array.from(
      { length: rows * labels },
      (_, at) => data[Math.floor(at / labels) * ways + (at % labels)],
    );
    return [name, { shape: [...shape.slice(0, -1), labels], data: part }];
  };
  return Object.fromEntries(Object.entries(weights).map(cut));
}

/** Rows of 0 and 1 as bits: column c is bit c % 8 of byte c >> 3. */
function packed(values, rows, columns) {
  const width = Math.ceil(columns / 8);
  const data = new Uint8Array(rows * width);
  values.forEach((value, at) => {
    const column = at % columns;
    if (value) data[Math.floor(at / columns) * width + (column >> 3)] |= 1 << (column & 7);
  });
  return { dtype: "U8", shape: [rows, width], data };
}
