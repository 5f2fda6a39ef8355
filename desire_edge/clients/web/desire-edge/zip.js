/** A bundle as one file: the zip that `desire-edge export --zip` writes, its files stored, not compressed. */

import { DesireEdgeError } from "./errors.js";

const [END, ENTRY, LOCAL] = [0x06054b50, 0x02014b50, 0x04034b50];
const [END_SIZE, ENTRY_SIZE, LOCAL_SIZE] = [22, 46, 30];
const MAX_FILES = 64;

/** Whether the bytes begin as a zip does. */
export function isZip(bytes) {
  return bytes.length > 4 && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) === LOCAL;
}

/** Name -> bytes (views, not copies) of each file in a zip; `where` names it in errors. */
export function readZip(bytes, where) {
  const refuse = (why) => {
    throw new DesireEdgeError(`${where} is not a whole bundle: ${why}; copy it again`);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let end = bytes.length - END_SIZE;
  while (end >= 0 && end > bytes.length - END_SIZE - 65536 && view.getUint32(end, true) !== END) end--;
  if (end < 0 || view.getUint32(end, true) !== END) refuse("its table of contents is missing");
  const count = view.getUint16(end + 10, true);
  if (count > MAX_FILES) refuse(`it holds ${count} files`);
  let at = view.getUint32(end + 16, true);
  const files = new Map();
  for (let number = 0; number < count; number++) {
    if (at + ENTRY_SIZE > bytes.length || view.getUint32(at, true) !== ENTRY)
      refuse("its table of contents is damaged");
    const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
    const [stored, size] = [view.getUint32(at + 20, true), view.getUint32(at + 24, true)];
    const [nameLength, extra, comment] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true));
    const local = view.getUint32(at + 42, true);
    const name = new TextDecoder().decode(bytes.subarray(at + ENTRY_SIZE, at + ENTRY_SIZE + nameLength));
    if (method !== 0 || flags & 1)
      refuse(`${name} in it is compressed or encrypted, which \`desire-edge export --zip\` never does`);
    if (local + LOCAL_SIZE > bytes.length || view.getUint32(local, true) !== LOCAL) refuse(`${name} in it is missing`);
    const start = local + LOCAL_SIZE + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    if (stored !== size || start + size > bytes.length) refuse(`${name} in it is cut off`);
    files.set(name, bytes.subarray(start, start + size));
    at += ENTRY_SIZE + nameLength + extra + comment;
  }
  return files;
}
