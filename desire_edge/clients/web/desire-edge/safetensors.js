/** Safetensors: a length, a JSON header, and the tensors end to end; read in place, and written. */

import { DesireEdgeError } from "./errors.js";
import { isObject } from "./json.js";

const MAX_HEADER = 16 * 2 ** 20;
const TYPES = {
  U8: Uint8Array,
  I8: Int8Array,
  U16: Uint16Array,
  F16: Uint16Array, // as bits; see half.js
  U32: Uint32Array,
  F32: Float32Array,
};

/** {tensors: Map of name -> {dtype, shape, data}, metadata} of a file's bytes; `where` and `code` are for errors. */
export function readSafetensors(bytes, where, code) {
  const refuse = (why) => {
    throw new DesireEdgeError(`${where} is not a whole safetensors file: ${why}; copy it again`, code);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8) refuse("it is too short");
  const length = Number(view.getBigUint64(0, true));
  if (length > MAX_HEADER || 8 + length > bytes.length) refuse("its header is longer than the file");
  let header;
  try {
    header = JSON.parse(
      new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(8, 8 + length)),
    );
  } catch {
    refuse("its header is not JSON");
  }
  if (!isObject(header)) refuse("its header is no object");
  const { __metadata__: metadata = {}, ...entries } = header;
  if (!isObject(metadata) || !Object.values(metadata).every((value) => typeof value === "string")) {
    refuse("its metadata are no texts");
  }
  const start = 8 + length;
  const spans = [];
  const tensors = new Map();
  for (const [name, entry] of Object.entries(entries)) {
    const { dtype, shape, data_offsets: span } = entry ?? {};
    const sized = [shape, span].every((sizes) => Array.isArray(sizes) && sizes.every(isSize));
    if (typeof dtype !== "string" || !sized || span.length !== 2) refuse(`${name} has no dtype, shape and offsets`);
    const [first, last] = span;
    spans.push(span);
    if (start + last > bytes.length) refuse(`${name} lies past the end`);
    if (!Object.hasOwn(TYPES, dtype)) continue; // nothing of ours
    const Type = TYPES[dtype];
    const count = shape.reduce((product, size) => product * size, 1);
    if (last - first !== count * Type.BYTES_PER_ELEMENT) refuse(`${name} has not the bytes of its shape`);
    const at = bytes.byteOffset + start + first;
    const data =
      at % Type.BYTES_PER_ELEMENT === 0
        ? new Type(bytes.buffer, at, count)
        : new Type(new Uint8Array(bytes.subarray(start + first, start + last)).buffer);
    tensors.set(name, { dtype, shape, data });
  }
  let end = 0;
  for (const [first, last] of spans.sort(([a, b], [c, d]) => a - c || b - d)) {
    if (first !== end || last < first) refuse("its tensors do not lie end to end");
    end = last;
  }
  if (start + end !== bytes.length) refuse("it is longer than its tensors");
  return { tensors, metadata };
}

/** The bytes of a file with these tensors, {name: {dtype, shape, data}}, and this metadata, a string to string object. */
export function writeSafetensors(tensors, metadata) {
  const header = { __metadata__: metadata };
  let offset = 0;
  // The widest first, then by name, so that each starts at a multiple of its width, as the safetensors library does.
  const entries = Object.entries(tensors).sort(
    ([name, a], [other, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT || (name < other ? -1 : 1),
  );
  for (const [name, { dtype, shape, data }] of entries) {
    header[name] = { dtype, shape, data_offsets: [offset, (offset += data.byteLength)] };
  }
  let text = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + padded + offset).fill(0x20, 8, 8 + padded);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(text, 8);
  let at = 8 + padded;
  for (const [, { data }] of entries) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

function isSize(value) {
  return Number.isSafeInteger(value) && value >= 0;
}
