/** NumPy's .npy format: a vector of numbers. */

import { DesireEdgeError } from "../errors.js";

const READERS = {
  f4: ["getFloat32", 4],
  f8: ["getFloat64", 8],
  i1: ["getInt8", 1],
  i2: ["getInt16", 2],
  i4: ["getInt32", 4],
  u1: ["getUint8", 1],
  u2: ["getUint16", 2],
  u4: ["getUint32", 4],
  b1: ["getUint8", 1],
};

/** {shape, data: Float64Array} of an array in C order; `where` names it in errors. */
export function readNpy(bytes, where) {
  const refuse = (why) => {
    throw new DesireEdgeError(`${where} is not a readable .npy file: ${why}`);
  };
  const magic = [0x93, ...new TextEncoder().encode("NUMPY")];
  if (!magic.every((byte, index) => bytes[index] === byte) || bytes.length < 12) refuse("it does not begin as one");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const long = bytes[6] > 1; // versions 2 and 3
  const start = (long ? 12 : 10) + (long ? view.getUint32(8, true) : view.getUint16(8, true));
  const header = new TextDecoder("latin1").decode(bytes.subarray(long ? 12 : 10, start));
  const [, order, type] =
    /'descr': *'([<>|=])([fiub]\d)'/.exec(header) ?? refuse("its numbers are of no kind that can be read");
  const [, dims] = /'shape': *\(([\d, ]*)\)/.exec(header) ?? refuse("it has no shape");
  const reader = READERS[type] ?? refuse(`its numbers are ${type}, not one of ${Object.keys(READERS).join(", ")}`);
  const shape = dims
    .split(",")
    .filter((size) => size.trim())
    .map(Number);
  if (/'fortran_order': *True/.test(header) && shape.length > 1) refuse("it is in Fortran's order");
  const [get, width] = reader;
  const count = shape.reduce((product, size) => product * size, 1);
  if (start + count * width !== bytes.length) refuse("its length is not that of its shape");
  const data = new Float64Array(count);
  for (let i = 0; i < count; i++) data[i] = view[get](start + i * width, order !== ">");
  return { shape, data };
}
