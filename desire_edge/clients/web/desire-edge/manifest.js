/** manifest.json, the first file of a bundle that is read: desire_edge/runtime/manifest.py. */

import { DesireEdgeError, shown } from "./errors.js";
import { inputFromJson } from "./inputs/kinds.js";

export const MANIFEST = "manifest.json";
export const FILES = [
  "extractor.onnx",
  "head.onnx",
  "head.fragment.onnx",
  "base.fragment.onnx",
  "adapt.onnx",
  "semantics.safetensors",
  "lexicon.safetensors",
];
const SCHEMA_VERSION = 3;
const MAX_BYTES = 16 * 2 ** 20;
const MAX_SIZE = 2 ** 20; // of any one dimension
const MAX_WAYS = 4096;
const PRECISIONS = ["fp32", "fp16", "int8"];

/** The checked manifest in `bytes`, its `input` as inputs/kinds.js gives it; `where` names the file in errors. */
export function readManifest(bytes, where) {
  if (bytes.length > MAX_BYTES) throw new DesireEdgeError(`${where} is larger than a manifest can be`);
  let values;
  try {
    values = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new DesireEdgeError(`${where} is not valid JSON; copy the bundle again`);
  }
  if (values?.schema_version !== SCHEMA_VERSION) {
    throw new DesireEdgeError(
      `${where} has schema version ${shown(values?.schema_version ?? null)}, but this client reads version ` +
        `${SCHEMA_VERSION}; export the bundle again`,
    );
  }
  const need = (condition, what) => {
    if (!condition) {
      throw new DesireEdgeError(`${where} is not a manifest of desire-edge (${what}); export the bundle again`);
    }
  };
  for (const [name, largest] of Object.entries({
    dimension: MAX_SIZE,
    hidden: MAX_SIZE,
    max_support: MAX_WAYS,
    ways: MAX_WAYS,
    batch: MAX_WAYS,
    extractor_body: 2 ** 31,
  })) {
    const value = values[name];
    need(Number.isInteger(value) && value >= 1 && value <= largest, `${name} is ${shown(value ?? null)}`);
  }
  need(PRECISIONS.includes(values.precision), `precision is ${shown(values.precision ?? null)}`);
  need(typeof values.name === "string", "name is no string");
  need(typeof values.known_labels === "boolean", "known_labels is not true or false");
  need(
    Array.isArray(values.base_labels) && values.base_labels.length > 0 && values.base_labels.every(isString),
    "base_labels is not a list of names",
  );
  const files = values.files ?? {};
  need(Object.keys(files).sort().join() === [...FILES].sort().join(), "files are not those of a bundle");
  for (const { bytes: length, sha256 } of Object.values(files)) {
    need(
      Number.isSafeInteger(length) && length >= 0 && /^[0-9a-f]{64}$/.test(sha256),
      "a file has no length and SHA-256",
    );
  }
  need(values.extractor_body < files["extractor.onnx"].bytes, "extractor_body lies outside the extractor");
  return { ...values, input: inputFromJson(values.input, where) };
}

function isString(value) {
  return typeof value === "string";
}
