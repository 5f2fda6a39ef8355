/** What a person drops or picks: files, and folders of them. */

import { DesireEdgeError } from "./desire-edge/index.js";

/** Name within what was dropped -> File, of a DataTransfer; folders are read whole, to a bound. */
export async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const files = entries.length ? await below(entries) : [...transfer.files].map((file) => [file.name, file]);
  return new Map(files);
}

/** The same files with the folder that they all lie in taken off their names. */
export function withoutFolder(files) {
  const [first] = [...files.keys()];
  const folder = first?.slice(0, first.indexOf("/") + 1);
  if (!folder || ![...files.keys()].every((name) => name.startsWith(folder))) return files;
  return new Map([...files].map(([name, file]) => [name.slice(folder.length), file]));
}

/** The files as a folder that `readSupport` takes. */
export function folderOf(files) {
  return {
    file: (path) => (files.has(path) ? readable(files.get(path)) : null),
    list: () => [...files.keys()],
  };
}

/** A function from a name to the bytes of that file, or null where there is none. */
export function bytesFrom(files) {
  return (name) => (files.has(name) ? readable(files.get(name)).bytes() : null);
}

/** A File's size, and a function that reads it. */
export function readable(file) {
  return { size: file.size, bytes: async () => new Uint8Array(await file.arrayBuffer()) };
}

const MAX_ENTRIES = 5000;

async function below(entries) {
  const files = [];
  for (let entry = entries.shift(); entry; entry = entries.shift()) {
    if (files.length + entries.length >= MAX_ENTRIES) {
      throw new DesireEdgeError(`more than ${MAX_ENTRIES} files were dropped; drop fewer at once`);
    }
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      files.push([entry.fullPath.slice(1), file]);
      continue;
    }
    const reader = entry.createReader();
    let more; // a reader gives a folder's entries a hundred at a time
    do {
      more = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      entries.push(...more);
    } while (more.length);
  }
  return files;
}
