/** Folders of examples, a metadata.jsonl and the files it names: desire_edge/inputs/folder.py. */

import { DesireEdgeError, shown } from "../errors.js";
import { checkExamples } from "../support.js";
import { strip } from "../text.js";
import { MAX_FILE_BYTES, readInput } from "./files.js";

const METADATA = "metadata.jsonl";
const MAX_EXAMPLES = 4096;

/**
 * The examples of a support folder: those that its metadata.jsonl names. `read` gives a file's bytes by its name in the
 * folder, or null where there is none; it must not leave the folder.
 */
export async function readSupport(read, where) {
  const metadata = await read(METADATA);
  if (!metadata && (await read("metadata.csv"))) {
    throw new DesireEdgeError(
      `the support folder ${where} has a metadata.csv, but this client reads ${METADATA} alone; write one instead`,
    );
  }
  if (!metadata) {
    throw new DesireEdgeError(`the support folder ${where} holds no ${METADATA}; write one, with an entry an example`);
  }
  if (metadata.length > MAX_FILE_BYTES) {
    throw new DesireEdgeError(`${where}/${METADATA} is larger than ${MAX_FILE_BYTES / 2 ** 20} MiB, so it is not read`);
  }
  let lines;
  try {
    lines = new TextDecoder("utf-8", { fatal: true }).decode(metadata).split("\n");
  } catch {
    throw new DesireEdgeError(`${where}/${METADATA} is not UTF-8 text; save it as UTF-8`);
  }
  const examples = [];
  for (const [index, line] of lines.entries()) {
    if (!strip(line)) continue;
    const place = `${where}/${METADATA}, line ${index + 1}`;
    if (examples.length === MAX_EXAMPLES) throw new DesireEdgeError(`${place}: more than ${MAX_EXAMPLES} examples`);
    let entry;
    try {
      entry = JSON.parse(line);
    } catch (error) {
      throw new DesireEdgeError(`${place} is not valid JSON: ${error.message}`);
    }
    const name = entry?.file_name;
    if (typeof name !== "string" || !name) throw new DesireEdgeError(`${place} has no file_name`);
    const bytes = await read(name);
    if (!bytes) throw new DesireEdgeError(`${place}: the folder holds no file ${shown(name)}`);
    const { labels, negative_labels: negativeLabels, known_labels: knownLabels } = entry;
    const [checked] = checkExamples([
      {
        raw: readInput(name, bytes),
        labels: labels ?? null,
        negativeLabels: negativeLabels ?? [],
        knownLabels: knownLabels ?? [],
        name: place,
      },
    ]);
    examples.push({ ...checked, name });
  }
  if (!examples.length) throw new DesireEdgeError(`${where}/${METADATA} names no examples; add one`);
  return examples;
}
