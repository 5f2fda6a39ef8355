/** ONNX files without a library, of one graph each: desire_edge/runtime/model_file.py and wire.py. */

import { DesireEdgeError } from "./errors.js";

const MODEL_GRAPH = 7;
const MODEL_METADATA = 14;
const [GRAPH_NAME, GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_OUTPUT] = [2, 5, 11, 12];
const VALUE_NAME = 1;
const PARTS = ["task.", "base."]; // what the names of a base's inputs begin with that have a default
const [TENSOR_DIMS, TENSOR_DATA_TYPE, TENSOR_NAME, TENSOR_RAW_DATA] = [1, 2, 8, 9];
const [ENTRY_KEY, ENTRY_VALUE] = [1, 2];
const FLOAT = 1;
const [VARINT, FIXED_64, LENGTH_DELIMITED, FIXED_32] = [0, 1, 2, 5];
const LONGEST = 10; // bytes of a number of 64 bits

/**
 * The bytes of the model that a bundle's base, [name in errors, bytes], is with a user's part for good: float32 weights
 * {name: {shape, data}} in place of defaults, the output `probabilities` alone, and metadata_props {key: string}.
 */
export function standaloneModel([name, base], weights, metadata) {
  const { others, graph } = takenApart(name, base, (field, refuse) => {
    if (field.number === GRAPH_INPUT) return !PARTS.some((part) => nameOf(field, VALUE_NAME, refuse).startsWith(part));
    if (field.number === GRAPH_OUTPUT) return nameOf(field, VALUE_NAME, refuse) === "probabilities";
    return field.number !== GRAPH_INITIALIZER || !Object.hasOwn(weights, nameOf(field, TENSOR_NAME, refuse));
  });
  return whole(others, graph, weights, metadata);
}

/**
 * The bytes of the model that a bundle's files before schema 7 make with float32 initialisers {name: {shape, data}} and
 * metadata_props {key: string}. `parts` are [name in errors, bytes]: the extractor, taken but for its graph's name and
 * output, then fragments, of which their graphs are taken.
 */
export function completeModel([extractor, ...fragments], initializers, metadata) {
  const { others, graph } = takenApart(...extractor, ({ number }) => ![GRAPH_NAME, GRAPH_OUTPUT].includes(number));
  const added = fragments.flatMap((fragment) => takenApart(...fragment, () => true).graph);
  return whole(others, [...graph, ...added], initializers, metadata);
}

/** A ModelProto of one graph: the graph's fields, then the weights. */
function whole(others, graph, weights, metadata) {
  const entries = Object.entries(metadata).flatMap(([key, value]) =>
    message(MODEL_METADATA, [...message(ENTRY_KEY, [utf8(key)]), ...message(ENTRY_VALUE, [utf8(value)])]),
  );
  const fields = [
    ...graph,
    ...Object.entries(weights).flatMap(([name, tensor]) => message(GRAPH_INITIALIZER, tensorProto(name, tensor))),
  ];
  return joined([...others, ...message(MODEL_GRAPH, fields), ...entries]);
}

/** The fields of a ModelProto's graph that are `kept`, and what it holds beside its graph. */
function takenApart(name, bytes, kept) {
  const refuse = (reason) => {
    throw new DesireEdgeError(`${name} is not a whole ONNX file: ${reason}; export the bundle again`, "onnx");
  };
  const others = [];
  const graph = [];
  for (const field of fields(bytes, refuse)) {
    if (field.number !== MODEL_GRAPH) {
      others.push(field.encoded);
    } else if (field.kind === LENGTH_DELIMITED) {
      for (const inner of fields(field.content, refuse)) {
        if (kept(inner, refuse)) graph.push(inner.encoded);
      }
    }
  }
  if (!graph.length) refuse("it holds no graph");
  return { others, graph };
}

/** The name that a message says in its field `number`; "" where it says none. */
function nameOf({ kind, content }, number, refuse) {
  if (kind !== LENGTH_DELIMITED) refuse("what should be a message is a number");
  for (const field of fields(content, refuse)) {
    if (field.number === number && field.kind === LENGTH_DELIMITED) return new TextDecoder().decode(field.content);
  }
  return "";
}

/** The fields of a serialised message: {number, kind, content, encoded}; messages within are not looked into. */
function* fields(bytes, refuse) {
  let at = 0;
  const number = () => {
    const start = at;
    let value = 0;
    for (let place = 0; place < LONGEST && at < bytes.length; place++) {
      const byte = bytes[at++];
      value += (byte & 0x7f) * 128 ** place; // beyond 2^53 not exact, but then larger than any length
      if (place === LONGEST - 1 && byte > 1) break;
      if (byte < 0x80) return value;
    }
    return refuse(`the number at byte ${start} has no end, or over 64 bits`);
  };
  while (at < bytes.length) {
    const start = at;
    const key = number();
    const kind = key % 8;
    let length = { [VARINT]: 0, [FIXED_64]: 8, [LENGTH_DELIMITED]: 0, [FIXED_32]: 4 }[kind];
    if (key < 8 || key >= 2 ** 32 || length === undefined) refuse(`no field begins at byte ${start}`);
    if (kind === VARINT) number();
    if (kind === LENGTH_DELIMITED) length = number();
    if (length > bytes.length - at) refuse(`the field at byte ${start} breaks off`);
    const content = bytes.subarray(at, at + length);
    at += length;
    yield { number: Math.floor(key / 8), kind, content, encoded: bytes.subarray(start, at) };
  }
}

/** Byte arrays end to end. */
function joined(parts) {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

// Messages are lists of byte arrays, joined once at the end.
function tensorProto(name, { shape, data }) {
  return [
    ...shape.flatMap((size) => [varint((TENSOR_DIMS << 3) | VARINT), varint(size)]),
    varint((TENSOR_DATA_TYPE << 3) | VARINT),
    varint(FLOAT),
    ...message(TENSOR_NAME, [utf8(name)]),
    ...message(TENSOR_RAW_DATA, [new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]),
  ];
}

function message(field, parts) {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return [varint((field << 3) | LENGTH_DELIMITED), varint(length), ...parts];
}

function varint(value) {
  const bytes = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  return Uint8Array.of(...bytes, value);
}

function utf8(text) {
  return new TextEncoder().encode(text);
}
