/** The page: labels and examples in, probabilities out. What it can do is in desire-edge/. */

import * as ort from "./ort/ort.wasm.bundle.min.mjs";

import { Bundle, DesireEdgeError, METADATA, clean, readInputFile, readSupport } from "./desire-edge/index.js";
import { bytesFrom, filesOf, folderOf, readable, withoutFolder } from "./files.js";
import { load, save } from "./store.js";
import * as teaching from "./teaching.js";
import { addExamples, addLabels, bundle, change, keep, namesIn, renameLabel, state } from "./teaching.js";
import { $, quoted, render, renderBars, renderPicture, renderTask, renderWords, sentence } from "./view.js";

let task = null;
let note = ""; // what was done last, where that does not show by itself

// Opening things.

/** Open a bundle: a zip's bytes or a function from names to bytes. On failure the page keeps the one it has. */
async function open(source, where) {
  const tokenizers = () => import("./tokenizers/tokenizers.min.mjs");
  const opened = await Bundle.open(source, ort, where, { tokenizers });
  const { name, ways, known_labels: usesKnown, base_labels: base, precision, input } = opened.manifest;
  $("bundle").textContent =
    `${name}: up to ${ways} new labels beside the ${base.length} it was made with (${precision})`;
  for (const id of ["draft-known", "query-known"]) $(id).hidden = !usesKnown;
  $("base-labels").replaceChildren(...(usesKnown ? base : []).map((label) => new Option(label)));
  for (const id of ["example-pictures", "query-picture"]) $(id).hidden = input.kind !== "image";
  for (const id of ["example", "add-example", "query"]) $(id).hidden = input.kind === "image";
  const [asset] = input.assets;
  for (const id of ["save-asset", "asset-hint"]) $(id).hidden = !asset;
  $("save-asset").textContent = `Download ${asset}`;
  $("asset-hint").textContent = `Keep ${asset} beside model.onnx: it says how text becomes what the model takes.`;
  performance.mark("desire-edge:opened");
  teaching.openBundle(opened);
}

/** Open the bundle of the address ./bundle/, or the one that was dropped on the page since. */
async function openFirst() {
  const [manifest, dropped] = await Promise.all([served("manifest.json"), load("bundle")]);
  const beside = manifest && new TextDecoder().decode(manifest);
  if (dropped && dropped.beside === beside) await openFiles(dropped.files).catch(complain);
  if (bundle) return;
  if (manifest) {
    await open((name) => (name === "manifest.json" ? manifest : served(name)), "bundle");
  } else {
    $("bundle").textContent = "No bundle yet: open one, or drop one here";
  }
}

async function served(name) {
  const response = await fetch(`bundle/${name}`).catch(() => null);
  return response?.ok ? new Uint8Array(await response.arrayBuffer()) : null;
}

/** Open a dropped bundle: a Map of files, or one zip in it. */
async function openFiles(files) {
  const [[name, file]] = files;
  if (files.has("manifest.json")) await open(bytesFrom(files), "the folder dropped");
  else await open(new Uint8Array(await file.arrayBuffer()), name);
}

/** Whatever was dropped or picked: a bundle, a folder of examples, or examples. */
async function take(given) {
  const files = withoutFolder(given);
  const names = [...files.keys()];
  if (!names.length) return;
  if (files.has("manifest.json") || (names.length === 1 && /\.(zip|desire)$/.test(names[0]))) {
    await openFiles(files);
    const manifest = await served("manifest.json");
    await save("bundle", { files, beside: manifest && new TextDecoder().decode(manifest) });
    say("The bundle is open.");
    return;
  }
  if (!bundle) throw new DesireEdgeError(`${names[0]} is no bundle; open a bundle first (a folder or a zip)`);
  if (METADATA.some((name) => files.has(name))) {
    await addExamples(await readSupport(folderOf(files), "the folder dropped"));
  } else {
    const labels = state.draftLabels;
    const added = [];
    for (const [name, file] of files) {
      const raw = await readInputFile(name, readable(file));
      added.push({ raw, name, labels, negativeLabels: [], knownLabels: [] });
    }
    await addExamples(added);
  }
  say(`${state.examples.length} examples.`);
}

/** Ask about the first of these files, a picture. */
async function tryPicture(files) {
  const [[name, file]] = files;
  if (bundle?.manifest.input.kind !== "image")
    throw new DesireEdgeError(`this bundle takes no pictures such as ${name}`);
  const picture = await readInputFile(name, readable(file));
  await bundle.extract([picture], [name]);
  state.queryPicture = picture;
  keep();
  void work();
}

// Learning and predicting: at once, after every change, one thing at a time.

let learned = {}; // what `task` was adapted to
let working = false;
let again = false;

/** Learn what is new in the state, predict, and show both; a call while it works has it look at the state again. */
async function work() {
  again = true;
  if (working) return;
  working = true;
  while (again) {
    again = false;
    await learn().catch(complain);
    await predict().catch(complain);
  }
  working = false;
}

async function learn() {
  const { labels, examples, missing } = state;
  const wanted = { bundle, labels, examples, missing };
  if (!bundle || Object.entries(wanted).every(([name, value]) => learned[name] === value)) return;
  learned = wanted;
  task = null; // in case it is refused
  if (!labels.length) return;
  task = await bundle.adapt(examples, { labels, missing });
  if (!performance.getEntriesByName("desire-edge:adapted").length) performance.mark("desire-edge:adapted");
}

async function predict() {
  if (!bundle) return;
  const { known_labels: usesKnown, input } = bundle.manifest;
  const text = state.query.trim() && !["vector", "image"].includes(input.kind) ? state.query : null;
  const raw = input.kind === "image" ? state.queryPicture : text;
  const known = usesKnown ? namesIn(state.queryKnown) : [];
  const [probabilities] = task && raw !== null ? await task.predict([raw], [known]) : [null];
  if (again) return;
  renderTask(task, note);
  renderBars(task, probabilities);
  renderWords(text);
  renderPicture($("query-thumbnail"), raw);
}

/** Say what was done, before what was learned. */
function say(text) {
  note = text;
  void work();
}

/** What a person can mend, in one sentence; anything else is a fault of ours and goes to the console, too. */
function complain(error) {
  if (!(error instanceof DesireEdgeError)) console.error(error);
  $("alert-text").textContent = sentence(error.message ?? String(error));
  $("alert").hidden = false;
}

// What a person does.

/** Run `act` on an event; what it refuses is shown, and an earlier refusal goes away. */
function on(target, event, act) {
  target.addEventListener(event, async (happened) => {
    try {
      $("alert").hidden = true;
      await act(happened);
    } catch (error) {
      complain(error);
    }
  });
}

on($("label-form"), "submit", (event) => {
  event.preventDefault();
  if (!bundle) throw new DesireEdgeError("open a bundle first (a folder or a zip)");
  const name = clean($("label").value, "the new label");
  if (state.labels.includes(name)) throw new DesireEdgeError(`there is a label '${name}' already`);
  const labels = addLabels([name]);
  $("label").value = "";
  change(`the label ${name} added`, { labels });
});

on($("labels"), "click", ({ target }) => {
  if (!target.matches(".rename")) return;
  const { key: name } = target.closest("li").dataset;
  const named = prompt(`Another name for the label '${name}':`, name);
  if (named !== null) renameLabel(name, named);
});

on($("example-form"), "submit", async (event) => {
  event.preventDefault();
  if (!bundle) throw new DesireEdgeError("open a bundle first (a folder or a zip)");
  const raw = $("example").value;
  if (!raw.trim()) throw new DesireEdgeError("the example is empty; paste a text");
  const knownLabels = bundle.manifest.known_labels ? namesIn(state.draftKnown) : [];
  const { draftLabels: labels } = state;
  const example = { raw, name: quoted(raw), labels, negativeLabels: [], knownLabels };
  await addExamples([example]);
  Object.assign(state, { draft: "", draftKnown: "", draftLabels: [] });
  keep();
  fillFields();
  render();
  $("example").focus();
});

for (const [id, field] of [
  ["example", "draft"],
  ["query", "query"],
]) {
  $(id).addEventListener("input", () => {
    state[field] = $(id).value;
    keep();
    void work();
  });
}
for (const [id, field] of [
  ["draft-known", "draftKnown"],
  ["query-known", "queryKnown"],
]) {
  on($(id).querySelector("input"), "change", (event) => {
    state[field] = event.target.value;
    keep();
    void work();
  });
}

on($("missing"), "change", (event) => {
  const missing = event.target.checked ? "unknown" : "negative";
  change("what an unticked label means", { missing });
});
function undo() {
  const undone = teaching.undo();
  if (undone) say(`Undone: ${undone}.`);
}

on($("undo"), "click", undo);
on($("restart"), "click", () => {
  if (!confirm("Remove all labels, examples and texts, undo steps included? This cannot be undone.")) return;
  teaching.startOver();
  fillFields();
});
on($("dismiss"), "click", () => $("label").focus());
on(document, "keydown", (event) => {
  const typing = event.target.matches?.("textarea, input:not([type=checkbox]):not([type=file])");
  if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key === "z" && !typing) {
    event.preventDefault();
    undo();
  }
});

/** Files by name, as an input of files, a drop or a paste has them. */
const named = (files) => new Map([...files].map((file) => [file.name, file]));

for (const id of ["files", "example-pictures"]) {
  on($(id), "change", async (event) => {
    const files = named(event.target.files);
    event.target.value = "";
    await take(files);
  });
}
on($("query-picture"), "change", async (event) => {
  const files = named(event.target.files);
  event.target.value = "";
  await tryPicture(files);
});
on(document, "paste", async (event) => {
  const files = named(event.clipboardData.files);
  if (!files.size) return;
  event.preventDefault();
  await (event.target.closest(".try") ? tryPicture(files) : take(files));
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.toggle("dragging", event.dataTransfer.types.includes("Files"));
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dragging");
});
on(document, "drop", async (event) => {
  event.preventDefault();
  document.body.classList.remove("dragging");
  const asked = bundle?.manifest.input.kind === "image" && event.target.closest(".try");
  const files = await filesOf(event.dataTransfer);
  await (asked ? tryPicture(files) : take(files));
});

on($("save-model"), "click", async () => download("model.onnx", await task.model()));
on($("save-asset"), "click", async () => {
  for (const [name, bytes] of await task.assets()) download(name, bytes);
});
on($("save-task"), "click", async () => download("task.safetensors", task.taughtFile()));

function download(name, bytes) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function fillFields() {
  $("example").value = state.draft;
  $("query").value = state.query;
  $("draft-known").querySelector("input").value = state.draftKnown;
  $("query-known").querySelector("input").value = state.queryKnown;
}

teaching.onChange(() => {
  note = "";
  render();
  void work();
});
ort.env.wasm.numThreads = 1; // more need headers that not every host can send
ort.env.logLevel = "error";
try {
  teaching.restore(await load("state"));
  fillFields();
  render();
  await openFirst();
} catch (error) {
  $("bundle").textContent = "No bundle is open";
  complain(error);
}
document.querySelector("main").ariaBusy = "false";
