/** NumPy's .npy format: a vector of numbers. */

import { DesireEdgeError } from "../errors.js";
import { fromHalf } from "../half.js";

const MAGIC = "\x93NUMPY";
const LONGEST_HEADER = 10_000; // NumPy's own bound
const SHAPE = /(['"])shape\1\s*:\s*\((?:\s*|[\d\s]+,[\d\s,]*)\)/; // a tuple of Python: (), (3,), (1, 3)
const DTYPE = /^([<>|=]?)([a-z]\d)$/;

/** How a number is read from a DataView, and how many bytes it takes, by NumPy's kind and size. */
const NUMBERS = {
  b1: [(view, at) => Number(view.getUint8(at) !== 0), 1],
  i1: [(view, at) => view.getInt8(at), 1],
  i2: [(view, at, little) => view.getInt16(at, little), 2],
  i4: [(view, at, little) => view.getInt32(at, little), 4],
  i8: [(view, at, little) => nearestFloat(view.getBigInt64(at, little)), 8],
  u1: [(view, at) => view.getUint8(at), 1],
  u2: [(view, at, little) => view.getUint16(at, little), 2],
  u4: [(view, at, little) => view.getUint32(at, little), 4],
  u8: [(view, at, little) => nearestFloat(view.getBigUint64(at, little)), 8],
  f2: [(view, at, little) => fromHalf(view.getUint16(at, little)), 2],
  f4: [(view, at, little) => view.getFloat32(at, little), 4],
  f8: [(view, at, little) => view.getFloat64(at, little), 8],
};

/** The vector in a file's bytes, of shape [n] or [1, n], each number rounded once to float32. */
export function readNpy(bytes, where) {
  const refuse = (why, code = "npy") => {
    throw new DesireEdgeError(`${where} is not a readable .npy file: ${why}`, code);
  };
  const { descr, shape, start } = readHeader(bytes, refuse);
  const [, order, type] = DTYPE.exec(typeof descr === "string" ? descr : "") ?? [];
  const [read, width] = NUMBERS[type] ?? refuse("it does not hold plain numbers", "input-type");
  const count = shape.reduce((product, length) => product * length, 1);
  if (start + count * width !== bytes.length) refuse("its length is not that of its shape");
  if (shape.length !== 1 && !(shape.length === 2 && shape[0] === 1)) {
    throw new DesireEdgeError(`${where} has shape [${shape.join(", ")}]; a vector has [n] or [1, n]`, "input-shape");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const vector = new Float32Array(count);
  for (let i = 0; i < count; i++) vector[i] = read(view, start + i * width, order !== ">");
  return vector;
}

/** The float32 nearest to a BigInt of 64 bits, ties to even; by way of float64 it would be rounded twice. */
export function nearestFloat(value) {
  const size = value < 0n ? -value : value;
  if (size < 2n ** 53n) return Number(value);
  // 41 bits or more, of which the last stands for all that were left out: exact in float64, with float32's 24 far above.
  const kept = Number((size >> 12n) | (size & 0xfffn ? 1n : 0n)) * 2 ** 12;
  return value < 0n ? -kept : kept;
}

/** {descr, shape, start} of a file's header, a literal of Python; `start` is where the numbers begin. */
function readHeader(bytes, refuse) {
  if (bytes.length < 12 || ![...MAGIC].every((letter, at) => bytes[at] === letter.charCodeAt(0))) {
    refuse("it does not begin as one");
  }
  const [major, minor] = bytes.subarray(MAGIC.length);
  if (major < 1 || major > 3 || minor !== 0) refuse(`its version ${major}.${minor} is none that there is`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [first, length] = major === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  if (length > LONGEST_HEADER || first + length > bytes.length) refuse("its header is longer than can be");
  const literal = new TextDecoder("latin1").decode(bytes.subarray(first, first + length));
  let header;
  try {
    header = JSON.parse(
      literal
        .replace(/'/g, '"')
        .replace(/\(/g, "[")
        .replace(/\)/g, "]")
        .replace(/,\s*([\]}])/g, "$1")
        .replace(/\b(True|False)\b/g, (word) => word.toLowerCase()),
    );
  } catch {
    refuse("its header cannot be read");
  }
  const { descr, fortran_order: fortran, shape, ...more } = header ?? {};
  const whole =
    descr !== undefined &&
    typeof fortran === "boolean" &&
    SHAPE.test(literal) &&
    Array.isArray(shape) &&
    shape.every(Number.isSafeInteger) &&
    Object.keys(more).length === 0;
  if (!whole) refuse("its header does not say what it holds");
  return { descr, shape, start: first + length }; // a vector is the same in C's and in Fortran's order
}
