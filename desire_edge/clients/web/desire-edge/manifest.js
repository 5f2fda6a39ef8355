/** manifest.json, the first file of a bundle that is read: desire_edge/runtime/manifest.py. */

import { DesireEdgeError, shown } from "./errors.js";
import { inputFromJson } from "./inputs/kinds.js";
import { LEXICON } from "./inputs/lexical.js";
import { TOKENIZER } from "./inputs/tokens.js";
import { isObject, parseJson } from "./json.js";

export const MANIFEST = "manifest.json";
export const BASE = "base.onnx";
export const EXTRACTOR = "extractor.onnx";
export const HEAD_FRAGMENT = "head.fragment.onnx";
const GRAPHS_AND_WEIGHTS = [BASE, "head.onnx", "adapt.onnx", "semantics.safetensors"];
/** The same before schema 7. */
const EARLIER = [EXTRACTOR, "head.onnx", HEAD_FRAGMENT, "base.fragment.onnx", "adapt.onnx", "semantics.safetensors"];
/** The names of all files that some bundle has beside its manifest. */
export const FILES = [...new Set([...GRAPHS_AND_WEIGHTS, ...EARLIER, LEXICON, TOKENIZER])];
const SCHEMA_VERSIONS = [3, 4, 5, 6, 7];
const NAMES = ["lexicon", "extractor"]; // where labels' vectors come from; before schema 5 from the lexicon
const HEADS = ["paper", "prior"]; // what learns on the device; before schema 6 the paper's
const MAX_BYTES = 16 * 2 ** 20;
const SIZES = [1, 2 ** 20];
const RANGES = {
  dimension: SIZES,
  max_support: [1, 4096],
  ways: [1, 4096],
  batch: [1, 4096],
  opset: [18, 21],
};
const PRECISIONS = ["fp32", "fp16", "int8"];

/**
 * The checked manifest in `bytes`, as the latest schema has it, its `input` as inputs/kinds.js gives it; `where` names the
 * file in errors.
 */
export function readManifest(bytes, where) {
  const need = (condition, what) => {
    if (!condition) {
      throw new DesireEdgeError(
        `${where} is not a manifest of desire-edge (${what}); export the bundle again`,
        "manifest",
      );
    }
  };
  need(bytes.length <= MAX_BYTES, "it is too large");
  const values = jsonOf(bytes);
  need(values !== undefined, "it is not JSON");
  if (!SCHEMA_VERSIONS.includes(values?.schema_version)) {
    throw new DesireEdgeError(
      `${where} has schema version ${shown(values?.schema_version ?? null)}, but this client reads versions ` +
        `${SCHEMA_VERSIONS.slice(0, -1).join(", ")} and ${SCHEMA_VERSIONS.at(-1)}; export the bundle again`,
      "schema",
    );
  }
  const needWithin = (part, name, [least, most]) => {
    const value = part[name];
    need(Number.isInteger(value) && value >= least && value <= most, `${name} is ${shown(value ?? null)}`);
  };
  for (const [name, range] of Object.entries(RANGES)) needWithin(values, name, range);
  const { head, names } = partsOf(values);
  need(isObject(head) && HEADS.includes(head.kind), "it does not say what learns");
  if (head.kind === "paper") {
    needWithin(head, "hidden", SIZES);
    need(Number.isFinite(head.conditioning) && head.conditioning >= 0, "conditioning is no number from 0");
  }
  need(isObject(names) && NAMES.includes(names.kind), "it does not say where labels' vectors come from");
  needWithin(names, "dimension", SIZES);
  need(
    head.kind === "prior" || names.dimension === values.dimension,
    "labels' vectors have another dimension than features",
  );
  need(PRECISIONS.includes(values.precision), `precision is ${shown(values.precision ?? null)}`);
  need(isString(values.name), "name is no string");
  need(typeof values.known_labels === "boolean", "known_labels is not true or false");
  need(
    Array.isArray(values.base_labels) && values.base_labels.length > 0 && values.base_labels.every(isString),
    "base_labels is not a list of names",
  );
  need(isObject(values.training), "training is no object");
  const input = inputFromJson(values.input, where);
  const { files } = values;
  const graphs = values.schema_version < 7 ? EARLIER : GRAPHS_AND_WEIGHTS;
  const expected = new Set([...graphs, ...(names.kind === "lexicon" ? [LEXICON] : []), ...input.assets]);
  need(isObject(files) && hasKeys(files, [...expected]), "files are not those of a bundle");
  for (const record of Object.values(files)) {
    need(
      isObject(record) &&
        hasKeys(record, ["bytes", "sha256"]) &&
        Number.isSafeInteger(record.bytes) &&
        record.bytes >= 0 &&
        isString(record.sha256) &&
        /^[0-9a-f]{64}$/.test(record.sha256),
      "a file has no length and SHA-256",
    );
  }
  for (const name of input.assets) {
    need(input.files[name] === files[name].sha256, `${name} is another file for the input than in the bundle`);
  }
  const extractor = BASE in files ? BASE : EXTRACTOR; // the file that makes z of x
  return { ...values, input, head, names, extractor };
}

/** What a manifest says of the head and of names, as the latest schema does. */
function partsOf(values) {
  const { schema_version: version, dimension, hidden, conditioning, head, names } = values;
  if (version >= 6) return { head, names };
  const kind = version === 5 ? names?.kind : "lexicon";
  return { head: { kind: "paper", hidden, conditioning }, names: { kind, dimension } };
}

function jsonOf(bytes) {
  try {
    return parseJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

function isString(value) {
  return typeof value === "string";
}

function hasKeys(value, keys) {
  return Object.keys(value).sort().join() === [...keys].sort().join();
}
