/**
 * Teach a bundle new labels in Node.js, and predict:
 *
 *     node node.mjs BUNDLE SUPPORT OUT [INPUT...]
 *
 * BUNDLE is a folder or a zip, SUPPORT a folder of examples (metadata.jsonl or metadata.csv, and the files it names).
 * Writes OUT/model.onnx, the files that its input needs and OUT/task.safetensors, and prints what the model says of each
 * INPUT (.txt, .json, .npy, .png, .jpg) as JSON.
 */

import { chmod, mkdir, mkdtemp, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";

import * as ort from "onnxruntime-node";

import { Bundle, DesireEdgeError, readInputFile, readSupport } from "./desire-edge/index.js";
import { bundleAt, fileAt, folderAt } from "./folder.mjs";

/** The raw input in the file at `path`. */
async function inputAt(path) {
  const file = await fileAt(path);
  if (!file) throw new DesireEdgeError(`there is no file ${path}`, "file-missing");
  return readInputFile(path, file);
}

async function main([bundlePath, support, out, ...inputs]) {
  if (!out) throw new DesireEdgeError("usage: node node.mjs BUNDLE SUPPORT OUT [INPUT...]");
  if (await stat(out).catch(() => null))
    throw new DesireEdgeError(`${out} exists; choose another folder, or remove it`);
  const zip = await fileAt(bundlePath);
  const bundle = await Bundle.open(zip ? await zip.bytes() : bundleAt(bundlePath), ort, bundlePath);
  const examples = await readSupport(await folderAt(support), support);
  const raw = await Promise.all(inputs.map(inputAt));

  const task = await bundle.adapt(examples);
  const probabilities = await task.predict(raw);

  await mkdir(dirname(resolve(out)), { recursive: true });
  const folder = await mkdtemp(join(dirname(resolve(out)), `.${basename(out)}.`)); // renamed when it is whole
  try {
    await writeFile(join(folder, "model.onnx"), await task.model());
    await writeFile(join(folder, "task.safetensors"), task.taughtFile());
    for (const [name, bytes] of await task.assets()) await writeFile(join(folder, name), bytes);
    await chmod(folder, 0o755); // mkdtemp's are the owner's alone
    await rename(folder, out);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const predictions = inputs.map((file, row) => {
    const labels = task.decide(probabilities[row]);
    const each = task.labels.map((label, column) => [label, probabilities[row][column]]);
    return { file, labels, none: !labels.length, probabilities: Object.fromEntries(each) };
  });
  const { lossBefore, lossAfter, lossHeldOut, adaptMs, warnings } = task.report;
  const thresholds = Object.fromEntries(task.labels.map((label, column) => [label, task.thresholds[column]]));
  return { labels: task.labels, thresholds, lossBefore, lossAfter, lossHeldOut, adaptMs, warnings, predictions };
}

try {
  console.log(JSON.stringify(await main(process.argv.slice(2)), null, 2));
} catch (error) {
  if (!(error instanceof DesireEdgeError) && !error.code) throw error;
  console.error(`error: ${error.message}`); // what a user can mend, or a file the system refuses
  process.exitCode = 2;
}
