/** Showing what was taught and what the model makes of it. */

import { bundle, change, keep, removeLabel, state } from "./teaching.js";

const MAX_WORDS = 60; // shown of one text

const pictured = new WeakMap(); // the picture that an image shows

export const $ = (id) => document.getElementById(id);
const fromTemplate = (id) => $(id).content.firstElementChild.cloneNode(true);

/** Make the children of `list` those of `items`, each made by `make` once and kept by its key. */
function reconcile(list, items, key, make, update) {
  const old = new Map([...list.children].map((element) => [element.dataset.key, element]));
  const elements = items.map((item) => {
    const element = old.get(key(item)) ?? make(item);
    element.dataset.key = key(item);
    update(element, item);
    return element;
  });
  const focused = document.activeElement;
  const index = [...list.children].findIndex((element) => element.contains(focused));
  for (const element of [...list.children]) if (!elements.includes(element)) element.remove();
  elements.forEach(
    (element, at) => list.children[at] === element || list.insertBefore(element, list.children[at] ?? null),
  );
  // Whoever removes an item by keyboard goes on from its neighbour.
  if (index >= 0 && !focused.isConnected) {
    (list.children[Math.min(index, list.children.length - 1)]?.querySelector(".remove") ?? $("label")).focus();
  }
}

/** Labels, examples and buttons, as they are in the state. */
export function render() {
  const { labels, examples, history, missing } = state;
  $("undo").disabled = !history.length;
  $("undo").title = history.length ? `Take back: ${history.at(-1).what} (Ctrl+Z)` : "";
  $("restart").disabled = false;
  $("no-labels").hidden = labels.length > 0;
  $("missing-row").hidden = !examples.length;
  $("missing").checked = missing === "unknown";
  $("count").textContent = examples.length
    ? `${examples.length} of at most ${bundle?.manifest.max_support ?? "…"}`
    : "";
  reconcile($("labels"), labels, (name) => name, makeLabel, updateLabel);
  reconcile($("examples"), examples, (example) => example.id, makeExample, updateExample);
  renderTicks($("draft-ticks"), state.draftLabels, (name, ticked) => {
    state.draftLabels = ticked ? [...state.draftLabels, name] : state.draftLabels.filter((label) => label !== name);
    keep();
  });
}

function makeLabel(name) {
  const element = fromTemplate("label-template");
  element.querySelector(".name").textContent = name;
  element.querySelector(".rename").setAttribute("aria-label", `Rename the label ${name}`);
  const remove = element.querySelector(".remove");
  remove.setAttribute("aria-label", `Remove the label ${name}`);
  remove.addEventListener("click", () => removeLabel(name));
  return element;
}

function updateLabel(element, name) {
  element.querySelector(".shots").textContent = shotsOf(name) || "by name";
}

/** How many examples carry a label, in words; empty where none does. */
function shotsOf(name) {
  const shots = state.examples.filter((example) => example.labels.includes(name)).length;
  return shots ? `${shots} example${shots > 1 ? "s" : ""}` : "";
}

function makeExample(example) {
  const element = fromTemplate("example-template");
  const text = excerpt(example);
  element.querySelector(".text").textContent = text;
  renderPicture(element.querySelector(".thumbnail"), example.raw);
  element.querySelector("legend").textContent = `Labels of the example ${text.slice(0, 60)}`;
  const remove = element.querySelector(".remove");
  remove.setAttribute("aria-label", `Remove the example ${text.slice(0, 60)}`);
  remove.addEventListener("click", () => {
    change("an example removed", { examples: state.examples.filter((other) => other.id !== example.id) });
  });
  return element;
}

function updateExample(element, example) {
  const known = element.querySelector(".known-labels");
  known.hidden = !example.knownLabels.length;
  known.textContent = `has already: ${example.knownLabels.join(", ")}`;
  renderTicks(element.querySelector(".ticks"), example.labels, (name, ticked) => {
    const labels = ticked ? [...example.labels, name] : example.labels.filter((label) => label !== name);
    const negativeLabels = example.negativeLabels.filter((label) => label !== name);
    const changed = (other) => (other.id === example.id ? { ...other, labels, negativeLabels } : other);
    change(`${name} ${ticked ? "ticked" : "unticked"}`, { examples: state.examples.map(changed) });
  });
}

function excerpt({ raw, name }) {
  if (raw instanceof Blob) return name;
  if (typeof raw === "string") return raw.trim().slice(0, 400) || "(an empty text)";
  if (ArrayBuffer.isView(raw)) return `${name}: ${raw.length} numbers`;
  const features = Object.keys(raw);
  return `${name}: ${features.slice(0, 40).join(", ")}${features.length > 40 ? ", …" : ""}`;
}

/** What messages call a text. */
export function quoted(text) {
  const line = text.trim().replace(/\s+/g, " ");
  return `“${line.length > 40 ? `${line.slice(0, 39)}…` : line}”`;
}

function renderTicks(fieldset, ticked, toggle) {
  const make = (name) => {
    const element = fromTemplate("tick-template");
    element.querySelector("span").textContent = name;
    return element;
  };
  reconcile(
    fieldset.querySelector(".list"),
    state.labels,
    (name) => name,
    make,
    (element, name) => {
      const box = element.querySelector("input");
      box.checked = ticked.includes(name);
      box.onchange = () => toggle(name, box.checked);
    },
  );
}

/** What adapting found: how names were understood, warnings, time; `note` goes before it. */
export function renderTask(task, note) {
  $("no-bars").hidden = Boolean(task);
  $("legend").hidden = !task;
  $("save-model").disabled = $("save-task").disabled = $("save-asset").disabled = !task;
  if (!task) {
    $("status").textContent = note;
    $("warnings").replaceChildren();
    return;
  }
  task.entries.forEach((entry) => {
    const element = [...$("labels").children].find((child) => child.dataset.key === entry.name);
    if (!element) return;
    const how = element.querySelector(".how");
    element.classList.toggle("unknown", entry.how === "seeded");
    if (entry.how === "seeded") element.querySelector(".shots").textContent = shotsOf(entry.name) || "none yet";
    const itself = entry.how === "encoder" || (entry.how === "word" && entry.known.length === 1);
    const understood = itself ? "" : entry.known.join(" + ");
    how.textContent = entry.how === "seeded" ? "unknown name, learns from examples" : understood;
    if (entry.how === "ngrams") {
      how.append(` by its letters: ${entry.unknown.join(", ")}`);
    } else if (entry.unknown.length && entry.how !== "seeded") {
      how.append(" ", ...entry.unknown.flatMap((word) => [struck(word), " "]));
    }
    how.hidden = !how.textContent;
  });
  task.report.features.forEach(({ words, unknown }, index) => {
    const note = $("examples").children[index]?.querySelector(".note");
    if (note) note.hidden = !words.length || unknown.length < words.length;
  });
  const { examples, lossBefore, lossAfter, steps, extractMs, adaptMs, warnings } = task.report;
  const from = examples ? `from ${examples} example${examples > 1 ? "s" : ""}` : "by name alone";
  const [before, after] = [lossBefore, lossAfter].map((value) => value.toFixed(3));
  const moved = steps ? `fell from ${before} to ${after}` : `stays at ${before}`;
  const loss = examples ? `; their loss ${moved}` : "";
  const count = `${task.labels.length} label${task.labels.length > 1 ? "s" : ""}`;
  $("status").textContent = `${note} Learned ${count} ${from} in ${(extractMs + adaptMs).toFixed(1)} ms${loss}.`.trim();
  $("warnings").replaceChildren(
    ...warnings.map((warning) => Object.assign(document.createElement("li"), { textContent: sentence(warning) })),
  );
}

/** Each label's probability, or none where there is no text. */
export function renderBars(task, probabilities) {
  const labels = task ? task.labels : [];
  $("none").hidden = !task || !probabilities || task.decide(probabilities).length > 0;
  reconcile(
    $("bars"),
    labels,
    (name) => name,
    () => fromTemplate("bar-template"),
    (element, name) => {
      const index = labels.indexOf(name);
      const [value, threshold] = [probabilities?.[index] ?? 0, task.thresholds[index]];
      const said = probabilities !== null && value >= threshold;
      const percent = probabilities ? `${Math.round(100 * value)} %` : "–";
      element.classList.toggle("said", said);
      element.querySelector(".name").textContent = name;
      element.querySelector(".value").textContent = percent;
      element.querySelector(".fill").style.width = `${100 * value}%`;
      element.querySelector(".mark").style.left = `${100 * threshold}%`;
      const track = element.querySelector(".track");
      track.setAttribute("aria-label", name);
      track.setAttribute("aria-valuenow", String(Math.round(100 * value)));
      track.setAttribute(
        "aria-valuetext",
        probabilities
          ? `${percent}, ${said ? "said to hold" : "not said"}; from ${Math.round(100 * threshold)} % on`
          : "no text yet",
      );
    },
  );
}

/** Show a picture, a Blob, or nothing where `raw` is none. */
export function renderPicture(image, raw) {
  const shown = raw instanceof Blob;
  image.hidden = !shown;
  if (!shown || pictured.get(image) === raw) return;
  pictured.set(image, raw);
  image.src = URL.createObjectURL(raw);
  image.onload = () => URL.revokeObjectURL(image.src);
}

/** Which of the text's words the model knows; those it does not are struck out. */
export function renderWords(text) {
  const { words, unknown } =
    text === null ? { words: [], unknown: [] } : bundle.manifest.input.featuresOf(text, "the text");
  $("words").hidden = !words.length;
  const known = words.length - unknown.length;
  $("words").classList.toggle("unknown", words.length > 0 && known === 0);
  $("words-summary").textContent = known
    ? `The model knows ${known} of ${words.length} words:`
    : "The model knows none of these words, so to it this looks like any other such text:";
  const missing = new Set(unknown);
  const shown = words.slice(0, MAX_WORDS).flatMap((word) => {
    const element = missing.has(word)
      ? struck(word)
      : Object.assign(document.createElement("b"), { textContent: word });
    return [element, " "];
  });
  $("words-list").replaceChildren(...shown, words.length > MAX_WORDS ? `and ${words.length - MAX_WORDS} more` : "");
}

function struck(word) {
  return Object.assign(document.createElement("s"), { textContent: word, title: "not known to the model" });
}

/** A message's text as a sentence. */
export function sentence(text) {
  const plain = /^\p{Ll}+ /u.test(text); // a word, not a file's name
  return `${plain ? text[0].toUpperCase() : text[0]}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}
