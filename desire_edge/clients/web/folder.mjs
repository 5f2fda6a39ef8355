/** Files on disk, in Node.js, as the modules of desire-edge/ take them. */

import { readFile, readdir, realpath, stat } from "node:fs/promises";
import { basename, join, sep } from "node:path";

import { DesireEdgeError } from "./desire-edge/errors.js";
import { noName, outside } from "./desire-edge/inputs/folder.js";

/** The folder at `path`, as `readSupport` takes it; links that lead out of it are refused. */
export async function folderAt(path) {
  const root = await real(path, "the support folder");
  if (root === null || !(await stat(root)).isDirectory()) {
    throw new DesireEdgeError(`the support folder ${path} does not exist or is not a folder`, "folder-none");
  }
  const file = async (name, where) => {
    const found = await real(join(root, name), where);
    if (found === null || found === root) return null;
    if (!found.startsWith(root.endsWith(sep) ? root : root + sep)) throw outside(name, where);
    return fileAt(found);
  };
  return { file, list: () => filesBelow(root, "") };
}

/** The file at `path`, as `readInputFile` takes it; null where there is none. */
export async function fileAt(path) {
  const status = await stat(path).catch(absent);
  return status?.isFile() ? { size: status.size, bytes: () => readFile(path) } : null;
}

/** A function from a file's name to its bytes in the bundle at `path`, a folder, as `Bundle.open` takes it. */
export function bundleAt(path) {
  return (name) => readFile(join(path, name)).catch(absent);
}

/** A path without links; null where nothing is there; `where` is for errors. */
async function real(path, where) {
  try {
    return await realpath(path);
  } catch (error) {
    if (error.code === "ENAMETOOLONG") throw noName(basename(path), where);
    return absent(error);
  }
}

/** The paths of all files below `root` that begin with `prefix`. */
async function filesBelow(root, prefix) {
  const entries = await readdir(join(root, prefix), { withFileTypes: true });
  const below = entries.map((entry) =>
    entry.isDirectory() ? filesBelow(root, `${prefix}${entry.name}/`) : [prefix + entry.name],
  );
  return (await Promise.all(below)).flat();
}

/** null, of an error that says that there is no such file. */
function absent(error) {
  if (["ENOENT", "ENOTDIR", "ELOOP"].includes(error.code)) return null;
  throw error;
}
