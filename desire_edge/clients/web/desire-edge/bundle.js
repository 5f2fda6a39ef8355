/** The bundle: everything needed to learn new labels, opened and checked. desire_edge/runtime/bundle.py. */

import { DesireEdgeError, shown } from "./errors.js";
import { fromHalves, toHalves } from "./half.js";
import { heldOutLoss, helplessWarning } from "./evidence.js";
import { cleanAll, tidy } from "./inputs/names.js";
import { LEXICON } from "./inputs/lexical.js";
import { openLexicon } from "./lexicon/index.js";
import { encodedEntry, toldApart } from "./lexicon/labels.js";
import { Kept } from "./kept.js";
import { BASE, FILES, MANIFEST, readManifest } from "./manifest.js";
import { batchOf, openSession, runOnce, runRows } from "./session.js";
import { checkExamples, namesOf, targetsOf } from "./support.js";
import { Task } from "./task.js";
import { isZip, readZip } from "./zip.js";

const MAX_BYTES = 2 ** 31;
const WIDE = 8; // sparse rows are as long as a multiple of it: then one gives the same bits beside longer ones
const MISSING = ["negative", "unknown"]; // what it may mean that an example does not carry a label
const { subtle } = globalThis.crypto ?? (await import("node:crypto")).webcrypto; // Node.js 18 has no such global

/** An opened bundle; make one with `Bundle.open`. */
export class Bundle {
  /**
   * Open a bundle with `ort` (onnxruntime-web or onnxruntime-node). For a bundle of tokens `tokenizers` gives the module
   * @huggingface/tokenizers; by default it is looked for where Node.js and bundlers find packages.
   *
   * `source` is the bytes of a zip, or a function from a file's name to its bytes (or a promise of them; null where
   * there is no such file); `where` names the bundle in errors. Every file read is held to the manifest's SHA-256.
   */
  static async open(source, ort, where = "the bundle", { tokenizers } = {}) {
    const bundle = new Bundle();
    Object.assign(bundle, { ort, where, read: reader(source, where), kept: new Kept() });
    const manifest = await bundle.read(MANIFEST);
    if (!manifest) {
      throw new DesireEdgeError(
        `${where} is not a bundle: it holds no ${MANIFEST}; make one with \`desire-edge export --out NAME.desire\``,
        "bundle-none",
      );
    }
    bundle.manifest = readManifest(manifest, `${where}/${MANIFEST}`);
    const { known_labels: usesKnown, base_labels: base, files, input } = bundle.manifest;
    bundle.baseColumns = new Map((usesKnown ? base : []).map((label, column) => [tidy(label), column]));
    // adapt.onnx is large, and optimising it takes longer than it saves. The others' layers are merged; beyond "extended"
    // come layouts for convolutions, of which there are none.
    const session = async (name) =>
      openSession(ort, await bundle.file(name), `${where}/${name}`, name === "adapt.onnx" ? "disabled" : "extended");
    const [head, extractor, adapt, lexicon] = await Promise.all([
      session("head.onnx"),
      session(bundle.manifest.extractor),
      session("adapt.onnx"),
      files[LEXICON] ? bundle.file(LEXICON) : null,
    ]);
    bundle.sessions = { head, extractor, adapt };
    bundle.lexicon = lexicon && openLexicon(lexicon, `${where}/${LEXICON}`);
    const { dimension } = bundle.manifest.names;
    if (bundle.lexicon && bundle.lexicon.dim !== dimension) {
      throw new DesireEdgeError(
        `${where}: the lexicon has ${bundle.lexicon.dim} dimensions, but the model ${dimension}`,
      );
    }
    const read = (name) => bundle.file(name);
    await input.open?.({ lexicon: bundle.lexicon, read, tokenizers }, `${where}/${input.assets[0]}`);
    return bundle;
  }

  /** The bytes of a file of the bundle, of the length and SHA-256 that the manifest says. */
  async file(name) {
    const bytes = await this.read(name);
    if (!bytes) throw new DesireEdgeError(`${this.where} lacks its file ${name}; copy it again`, "bundle-file");
    const { bytes: length, sha256 } = this.manifest.files[name];
    const digest = bytes.length === length ? await subtle.digest("SHA-256", bytes) : new ArrayBuffer(0);
    const found = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    if (found !== sha256) {
      throw new DesireEdgeError(
        `${this.where}/${name} is not what was exported (its SHA-256 differs); copy the bundle again`,
        "bundle-changed",
      );
    }
    return bytes;
  }

  /**
   * {z: Float32Array [n, d], features} of n raw inputs, `names` in errors; of each `features` has {words, unknown}: a
   * text's distinct words, and those that the model does not know. What is ragged is run one by one, and kept.
   */
  async extract(raws, names) {
    const { batch, dimension, extractor, input } = this.manifest;
    const where = `${this.where}/${extractor}`;
    if (!input.ragged) {
      const features = raws.map((raw, index) => input.featuresOf(raw, names[index]));
      const rows = { ...stacked(features, input), ...this.#untold(features.length) };
      const session = this.sessions.extractor;
      const asked = { rows, count: features.length, batch: batchOf(session, batch), wanted: "z", columns: dimension };
      return { z: await runRows(this.ort, session, asked, where), features };
    }
    const z = new Float32Array(raws.length * dimension);
    for (const [row, raw] of raws.entries()) {
      const found = this.kept.get(raw) ?? (await this.#run(await input.featuresOf(raw, names[row]), "z", dimension));
      this.kept.set(raw, found);
      z.set(found, row * dimension);
    }
    return { z, features: raws.map(() => ({ words: [], unknown: [] })) };
  }

  /** The output `wanted` [columns] of the extractor for one example of ragged input. */
  async #run({ x }, wanted, columns) {
    const where = `${this.where}/${this.manifest.extractor}`;
    const rows = Object.entries(this.#untold(1)).map(([name, { columns: width, data }]) => [
      name,
      { shape: [1, width], data },
    ]);
    const inputs = { x: { ...x, shape: [1, ...x.shape] }, ...Object.fromEntries(rows) };
    const found = (await runOnce(this.ort, this.sessions.extractor, inputs, where, [wanted]))[wanted];
    if (found?.length !== columns) {
      throw new DesireEdgeError(`${where} gives no ${wanted} of ${columns} numbers`, "onnx");
    }
    return found;
  }

  /** What a base takes beside x for z, where the model uses known labels: rows of zeros, nothing known. */
  #untold(count) {
    const { extractor, known_labels: usesKnown, base_labels: base } = this.manifest;
    if (!usesKnown || extractor !== BASE) return {};
    return { known_labels: { columns: base.length, data: new Float32Array(count * base.length) } };
  }

  /** {entries, warnings} of labels' names: their vectors by the lexicon, or by a text encoder that is the extractor. */
  async #labelVectors(names) {
    if (this.lexicon) return this.lexicon.lookUpAll(names);
    const { input } = this.manifest;
    const { dimension } = this.manifest.names;
    const entries = [];
    for (const name of names) {
      const vector = await this.#run(input.featuresOf(name, `the label '${name}'`), "name", dimension);
      if (!vector.every(Number.isFinite)) {
        throw new DesireEdgeError(`${this.where} gives the label '${name}' a vector that is not finite`, "onnx");
      }
      entries.push(encodedEntry(name, vector, dimension));
    }
    return toldApart(entries);
  }

  /**
   * Teach the model labels from examples (see `checkExamples`; none for names alone).
   *
   * Options: `labels`, in this order (by default those of the examples); `missing`, what it means that an example does
   * not carry a label: "negative", or "unknown" (not counted).
   */
  async adapt(examples = [], { labels, missing = "negative" } = {}) {
    examples = checkExamples(examples);
    const names = (labels ?? null) === null ? namesOf(examples) : cleanAll(labels, "the labels asked for");
    if (!MISSING.includes(missing)) {
      throw new DesireEdgeError(`missing is ${shown(missing)}; it must be "negative" or "unknown"`, "missing-value");
    }
    this.#checkLabels(names, examples);
    const { entries, warnings } = await this.#labelVectors(names);
    const { targets, mask } = targetsOf(examples, names, missing);
    const known = this.knownRows(
      examples.map((example) => example.knownLabels),
      examples.map((example) => example.name),
    );
    const started = performance.now();
    const found = await this.extract(
      examples.map(({ raw }) => raw),
      examples.map(({ name }) => name),
    );
    const z = toHalves(found.z); // what is stored is what is used: replaying it gives the same
    const vectors = entries.map((entry) => toHalves(entry.vector));
    if (![...z, ...vectors.flatMap((vector) => [...vector])].every((bits) => (bits & 0x7c00) !== 0x7c00)) {
      throw new DesireEdgeError(
        "the features or label vectors do not fit half precision; the bundle cannot be adapted",
      );
    }
    const extracted = performance.now();
    const result = await this.#runAdapt(fromHalves(z), targets, mask, vectors.map(fromHalves), known);
    const adapted = performance.now();
    if (
      ![...Object.values(result.weights), { data: result.thresholds }].every(({ data }) => data.every(Number.isFinite))
    ) {
      throw new DesireEdgeError("the labels could not be learned: the adaptation does not stay finite", "diverged");
    }
    const steps = Number(result.steps[0]);
    const rows = { z: fromHalves(z), known, count: examples.length };
    const lossHeldOut =
      this.manifest.head.kind === "prior"
        ? await heldOutLoss(targets, mask, names.length, async (left) => {
            const { weights } = await this.#runAdapt(rows.z, targets, left, vectors.map(fromHalves), known);
            return this.#logits(rows, weights, names.length);
          })
        : null;
    return new Task(this, {
      entries,
      weights: result.weights,
      thresholds: [...result.thresholds.subarray(0, names.length)],
      taught: { z, vectors, targets, mask, known, missing, examples: examples.length },
      report: {
        examples: examples.length,
        lossBefore: result.losses[0],
        lossAfter: result.losses[steps],
        lossHeldOut,
        steps,
        features: found.features,
        extractMs: extracted - started,
        adaptMs: adapted - extracted,
        warnings: [
          ...warnings,
          ...found.features.flatMap(({ words, unknown }, row) =>
            words.length && unknown.length === words.length
              ? [`${examples[row].name}: none of its ${words.length} words are known to the model`]
              : [],
          ),
          ...this.#warnings(entries, targets, mask, examples.length),
          ...helplessWarning(lossHeldOut, result.losses[0], targets, mask, names.length),
        ],
      },
    });
  }

  /** Base labels that n items are known to carry -> rows of 0 and 1, [n, B]; [n, 0] if the model does not use them. */
  knownRows(carried, names) {
    const columns = this.baseColumns;
    const width = this.manifest.known_labels ? this.manifest.base_labels.length : 0;
    const rows = new Float32Array(carried.length * width);
    carried.forEach((labels, row) => {
      for (const label of cleanAll(labels, `the known labels of ${names[row]}`)) {
        if (!width) {
          throw new DesireEdgeError(
            `${names[row]} has known labels, but this bundle does not use them`,
            "known-unused",
          );
        }
        if (!columns.has(label)) {
          throw new DesireEdgeError(
            `${names[row]}: the known label '${shown(label)}' is no base label of this bundle`,
            "known-unknown",
          );
        }
        rows[row * width + columns.get(label)] = 1;
      }
    });
    return rows;
  }

  /** Inputs filled up to the fixed shapes of adapt.onnx, and what it makes of them. */
  async #runAdapt(z, targets, mask, vectors, known) {
    const { dimension: d, ways, max_support: most, known_labels: usesKnown, base_labels: base } = this.manifest;
    const { dimension: ofNames } = this.manifest.names;
    const novel = new Float32Array(ofNames * ways);
    vectors.forEach((vector, column) => vector.forEach((value, row) => (novel[row * ways + column] = value)));
    const inputs = {
      z: { shape: [most, d], data: filled(z, d, d, most) },
      targets: { shape: [most, ways], data: filled(targets, vectors.length, ways, most) },
      mask: { shape: [most, ways], data: filled(mask, vectors.length, ways, most) },
      w_novel: { shape: [ofNames, ways], data: novel },
      used: { shape: [ways], data: new Float32Array(ways).fill(1, 0, vectors.length) },
    };
    if (usesKnown) {
      inputs.known_labels = { shape: [most, base.length], data: filled(known, base.length, base.length, most) };
    }
    const result = await runOnce(this.ort, this.sessions.adapt, inputs, `${this.where}/adapt.onnx`);
    const weights = { used: inputs.used };
    for (const [name, shape] of Object.entries(weightsOf(this.manifest))) {
      const data = result[name];
      if (data?.length !== shape.reduce((product, size) => product * size, 1)) {
        throw new DesireEdgeError(
          `${this.where}/adapt.onnx gives no ${name} of shape [${shape}]; export the bundle again`,
          "onnx",
        );
      }
      weights[name] = { shape, data };
    }
    return { ...result, weights };
  }

  /** Logits [count, labels] of rows of features, by a task's weights. */
  async #logits({ z, known, count }, fixed, labels) {
    const { dimension: d, ways, batch, known_labels: usesKnown, base_labels: base } = this.manifest;
    const rows = { z: { columns: d, data: z } };
    if (usesKnown) rows.known_labels = { columns: base.length, data: known };
    const options = { rows, fixed, count, batch, wanted: "logits", columns: ways };
    const found = await runRows(this.ort, this.sessions.head, options, `${this.where}/head.onnx`);
    return Array.from({ length: count * labels }, (_, at) => found[Math.floor(at / labels) * ways + (at % labels)]);
  }

  #checkLabels(names, examples) {
    const { ways, max_support: most } = this.manifest;
    if (!names.length) throw new DesireEdgeError("there is no label to learn: name one", "labels-none");
    if (names.length > ways) {
      throw new DesireEdgeError(
        `${names.length} labels, but this bundle holds at most ${ways}; teach fewer, or export it with --ways ${names.length}`,
        "labels-many",
      );
    }
    if (examples.length > most) {
      throw new DesireEdgeError(
        `${examples.length} examples, but this bundle's adapt.onnx takes at most ${most}; teach with fewer, or export it ` +
          `with --max-support ${examples.length}`,
        "examples-many",
      );
    }
    const unnamed = namesOf(examples).find((name) => !names.includes(name));
    if (unnamed !== undefined) {
      throw new DesireEdgeError(
        `an example has the label '${unnamed}', which is not among the labels asked for; add it to them`,
        "label-unasked",
      );
    }
  }

  #warnings(entries, targets, mask, examples) {
    return entries.flatMap(({ name, how }, column) => {
      const found =
        how === "seeded" ? [`no word of the label '${name}' is known, so only its examples can teach it`] : [];
      const rows = Array.from({ length: examples }, (_, row) => row * entries.length + column);
      if (examples && !rows.some((at) => mask[at] && targets[at])) {
        found.push(`no example carries the label '${name}', so it goes by its name alone`);
      } else if (examples && !rows.some((at) => mask[at] && !targets[at])) {
        found.push(
          `no example is known not to carry '${name}', so it will be said of nearly everything; add examples without it`,
        );
      }
      return found;
    });
  }
}

/** The shapes of a task's weights that adapting gives, by name. */
function weightsOf({ dimension: d, ways, head, known_labels: usesKnown, base_labels: base }) {
  if (head.kind === "prior") return { l: [d, ways], m: [base.length, ways], b: [ways] };
  const size = head.hidden + 1;
  return {
    w1: [d, size],
    b1: [size],
    v: [size, ways],
    q: [size, size],
    m: [usesKnown ? base.length : d, ways],
  };
}

/** Rows of `columns` numbers as `rows` rows of `width`, the rest 0. */
function filled(data, columns, width, rows) {
  const out = new Float32Array(rows * width);
  for (let row = 0; row * columns < data.length; row++) {
    out.set(data.subarray(row * columns, (row + 1) * columns), row * width);
  }
  return out;
}

/** What a graph takes of n examples, {name: {columns, data, type}}: x, or of a sparse bag `ids` and `values`. */
function stacked(features, input) {
  if (!input.sparse) {
    const data = new Float32Array(features.length * input.features);
    features.forEach(({ x }, row) => data.set(x, row * input.features));
    return { x: { columns: input.features, data } };
  }
  const longest = features.reduce((most, { x }) => Math.max(most, x.length), 1);
  const columns = Math.ceil(longest / WIDE) * WIDE;
  const ids = new BigInt64Array(features.length * columns);
  const values = new Float32Array(features.length * columns);
  features.forEach((item, row) => {
    item.x.forEach((id, at) => (ids[row * columns + at] = BigInt(id)));
    values.set(item.values, row * columns);
  });
  return { ids: { columns, data: ids, type: "int64" }, values: { columns, data: values } };
}

/** A function from a file's name to its bytes; only the names of a bundle's files get through. */
function reader(source, where) {
  if (source instanceof Uint8Array && !isZip(source)) {
    throw new DesireEdgeError(
      `${where} is not a bundle: it is no zip; make one with \`desire-edge export --zip\``,
      "bundle-none",
    );
  }
  const zipped = source instanceof Uint8Array ? readZip(source, where) : null;
  return async (name) => {
    if (name !== MANIFEST && !FILES.includes(name)) throw new DesireEdgeError(`${name} is no file of a bundle`);
    const bytes = (zipped ? zipped.get(name) : await source(name)) ?? null;
    if (bytes && bytes.length > MAX_BYTES) throw new DesireEdgeError(`${where}/${name} is too large to be read`);
    return bytes;
  };
}
