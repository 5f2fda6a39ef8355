/** Answers tests: a JSON request on standard input, {what, …}, the JSON answer on standard output. */

import { readFileSync } from "node:fs";
import { basename } from "node:path";

import * as ort from "../../desire_edge/clients/web/node_modules/onnxruntime-node/dist/index.js";

import { Bundle } from "../../desire_edge/clients/web/desire-edge/bundle.js";
import { DesireEdgeError } from "../../desire_edge/clients/web/desire-edge/errors.js";
import { readInput } from "../../desire_edge/clients/web/desire-edge/inputs/files.js";
import { inputFromJson } from "../../desire_edge/clients/web/desire-edge/inputs/kinds.js";
import { cleanAll } from "../../desire_edge/clients/web/desire-edge/inputs/names.js";
import { readSupport } from "../../desire_edge/clients/web/desire-edge/support.js";
import { fold, splitCamelCase, splitName, tokenize } from "../../desire_edge/clients/web/desire-edge/text.js";
import { fromHalf, toHalf } from "../../desire_edge/clients/web/desire-edge/half.js";
import { filesOf, folderOf } from "../../desire_edge/clients/web/files.js";
import { bundleAt, folderAt } from "../../desire_edge/clients/web/folder.mjs";
import { openLexicon } from "../../desire_edge/clients/web/desire-edge/lexicon/index.js";
import adaptTask from "./adapt_task.js";
import kindTask from "./kind_task.js";

/** What `act` gives, or what it refuses. */
async function tried(act) {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof DesireEdgeError)) throw error;
    return { refused: error.message };
  }
}

/** What `act` gives, or the code with which it refuses. */
async function judged(act) {
  try {
    return { gives: await act() };
  } catch (error) {
    if (!(error instanceof DesireEdgeError)) throw error;
    return { refuses: error.code };
  }
}

const bytesOf = ({ text, base64 }) => Buffer.from(text ?? base64, text === undefined ? "base64" : "utf8");

/** A raw input as refusals.json has it. */
function rawOf(raw) {
  if (typeof raw === "string") return { text: raw };
  return ArrayBuffer.isView(raw) ? { vector: [...raw] } : { features: raw };
}

/** How each section of refusals.json is run: a case to what it gives. */
const sections = {
  names: ({ given }) => cleanAll(given, "the case"),
  folders: async ({ at, files }) => {
    const blobs = Object.entries(files).map(([path, content]) => [path, new Blob([bytesOf(content)])]);
    const examples = await readSupport(at ? await folderAt(at) : folderOf(new Map(blobs)), "the case");
    return examples.map(({ raw, labels, negativeLabels, knownLabels }) => ({
      labels,
      negative_labels: negativeLabels,
      known_labels: knownLabels,
      input: rawOf(raw),
    }));
  },
  inputs: async ({ spec, file, content }) => {
    const { x } = await inputFromJson(spec, "the case").featuresOf(readInput(file, bytesOf(content)), file);
    return Array.from(x.data ?? x, Number);
  },
  lexicons: ({ content }) => {
    const { words, dim } = openLexicon(bytesOf(content), "the case");
    return { words: words.length, dim };
  },
  manifests: async ({ at, manifest }) => {
    const read = bundleAt(at);
    await Bundle.open((name) => (name === "manifest.json" ? Buffer.from(JSON.stringify(manifest)) : read(name)), ort);
    return true;
  },
  tasks: async ({ at, support, labels, missing }) => {
    const bundle = await Bundle.open(bundleAt(at), ort);
    const examples = support.map(({ text, labels, negative_labels: negativeLabels, known_labels: knownLabels }) => ({
      raw: text,
      labels,
      negativeLabels,
      knownLabels,
    }));
    return {
      labels: (await bundle.adapt(examples, { labels, missing })).labels,
    };
  },
};

const answers = {
  adapt: ({ bundle, ...request }) => adaptTask(Bundle, ort, (name) => readFileSync(`${bundle}/${name}`), request),
  kinds: ({ bundle, files }) => kindTask(Bundle, readInput, ort, bundleAt(bundle), files),
  text: ({ texts }) =>
    texts.map((text) => ({
      fold: fold(text),
      tokens: tokenize(text),
      name: splitName(text),
      camel: splitName(text).map(splitCamelCase),
    })),
  half: ({ values }) => values.map((value) => [toHalf(value), fromHalf(toHalf(value))]),
  lookUp: ({ lexicon, names }) => {
    const opened = openLexicon(readFileSync(lexicon), lexicon);
    return names.map((name) => ({
      ...opened.lookUp(name),
      vector: [...opened.lookUp(name).vector],
    }));
  },
  textVectors: ({ lexicon, texts, hashed }) => {
    const opened = openLexicon(readFileSync(lexicon), lexicon);
    return texts.map((text) => {
      const found = opened.textVector(text, hashed);
      return { ...found, x: [...found.x] };
    });
  },
  features: ({ input, files }) => {
    const spec = inputFromJson(input, "the input");
    const featuresOf = (file) => spec.featuresOf(readInput(basename(file), readFileSync(file)), basename(file));
    return Promise.all(files.map((file) => tried(() => ({ x: [...featuresOf(file).x] }))));
  },
  refusals: async ({ section, cases }) => {
    const found = [];
    for (const each of cases) found.push(await judged(() => sections[section](each)));
    return found;
  },
  noRawInput: ({ input }) => {
    const spec = inputFromJson(input, "the input");
    const values = [5, true, null, undefined, new Map([["a", 1]])];
    return Promise.all(values.map((raw) => tried(() => spec.featuresOf(raw, "example 0"))));
  },
  knownLabels: async ({ bundle, queries, given }) => {
    const opened = await Bundle.open((name) => readFileSync(`${bundle}/${name}`), ort);
    const task = await opened.adapt([], { labels: ["baking"] });
    return Promise.all(given.map((lists) => tried(() => task.predict(queries, lists))));
  },
  rows: async ({ bundle, labels, queries, silent }) => {
    // An older ONNX Runtime gives no metadata of inputs.
    const create = async (...given) => {
      const session = await ort.InferenceSession.create(...given);
      return { run: (...feeds) => session.run(...feeds) };
    };
    const runtime = silent ? { Tensor: ort.Tensor, InferenceSession: { create } } : ort;
    const opened = await Bundle.open(bundleAt(bundle), runtime);
    const task = await opened.adapt([], { labels });
    const alone = [];
    for (const query of queries) alone.push(...(await task.predict([query])));
    return { together: await task.predict(queries), alone, none: await task.predict([]) };
  },
  dropped: ({ count }) => {
    const files = Array.from({ length: count }, (_, index) => ({
      isFile: true,
      fullPath: `/folder/${index}.txt`,
      file: (resolve) => resolve(index),
    }));
    const createReader = () => ({
      readEntries: (resolve) => resolve(files.splice(0, 100)),
    });
    const transfer = {
      items: [{ webkitGetAsEntry: () => ({ isFile: false, createReader }) }],
    };
    return tried(async () => (await filesOf(transfer)).size);
  },
  matrix: ({ lexicon, names }) => {
    const { entries, warnings } = openLexicon(readFileSync(lexicon), lexicon).lookUpAll(names);
    return { vectors: entries.map(({ vector }) => [...vector]), warnings };
  },
};

const request = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(await answers[request.what](request)));
