/** Completing an ONNX file: a serialised ModelProto of initialisers and metadata, as desire_edge/runtime/fragment.py. */

const MODEL_GRAPH = 7;
const MODEL_METADATA = 14;
const GRAPH_INITIALIZER = 5;
const [TENSOR_DIMS, TENSOR_DATA_TYPE, TENSOR_NAME, TENSOR_RAW_DATA] = [1, 2, 8, 9];
const [ENTRY_KEY, ENTRY_VALUE] = [1, 2];
const FLOAT = 1;
const [VARINT, LENGTH_DELIMITED] = [0, 2];

/** The bytes of a ModelProto with float32 initialisers {name: {shape, data}} and metadata_props {key: string}. */
export function modelFragment(initializers, metadata) {
  const graph = Object.entries(initializers).flatMap(([name, tensor]) =>
    message(GRAPH_INITIALIZER, tensorProto(name, tensor)),
  );
  const entries = Object.entries(metadata).flatMap(([key, value]) =>
    message(MODEL_METADATA, [...message(ENTRY_KEY, [utf8(key)]), ...message(ENTRY_VALUE, [utf8(value)])]),
  );
  return joined([...message(MODEL_GRAPH, graph), ...entries]);
}

/** Byte arrays end to end. */
export function joined(parts) {
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
