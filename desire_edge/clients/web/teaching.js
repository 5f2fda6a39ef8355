/** What was taught so far, and the steps that led there. */

import { DesireEdgeError, clean, tidy } from "./desire-edge/index.js";
import { save } from "./store.js";

const MAX_UNDO = 50;
const EMPTY = {
  labels: [],
  examples: [],
  missing: "negative",
  history: [],
  query: "",
  queryPicture: null, // a Blob, for a bundle of pictures
  queryKnown: "",
  draft: "",
  draftKnown: "",
  draftLabels: [],
};

/** What stays over a reload: labels, examples, steps to undo, and what stands in the fields. */
export const state = { ...EMPTY };

/** The bundle that is open, or null; set by `openBundle`. */
export let bundle = null;

let changed = () => {};

/** Have `show` called after every change. */
export function onChange(show) {
  changed = show;
}

export function openBundle(opened) {
  bundle = opened;
  changed();
}

/** Take what the last visit left, if anything; its names may be those of a version that cleaned them less. */
export function restore(left = {}) {
  const names = (given) => [...new Set(given.map(tidy).filter(Boolean))];
  const ticked = ({ labels, negativeLabels, knownLabels, ...more }) => ({
    ...more,
    labels: names(labels),
    negativeLabels: names(negativeLabels),
    knownLabels: names(knownLabels),
  });
  const taught = ({ labels, examples, ...more }) => ({
    ...more,
    labels: names(labels),
    examples: examples.map(ticked),
  });
  const { history, draftLabels, ...now } = { ...EMPTY, ...left };
  Object.assign(state, taught(now), { history: history.map(taught), draftLabels: names(draftLabels) });
}

/** Keep the state for the next visit. */
export function keep() {
  void save("state", state);
}

/** Take a step that undo takes back: `values` of labels, examples, missing; `what` says what is undone. */
export function change(what, values) {
  const { labels, examples, missing, history } = state;
  Object.assign(state, values, { history: [...history, { what, labels, examples, missing }].slice(-MAX_UNDO) });
  keep();
  changed();
}

/** Take the last step back; what it was, or null if there is none. */
export function undo() {
  const step = state.history.at(-1);
  if (!step) return null;
  const { what, ...taught } = step;
  Object.assign(state, taught, { history: state.history.slice(0, -1) });
  keep();
  changed();
  return what;
}

/** Remove everything, steps to undo included, from the storage, too. */
export function startOver() {
  Object.assign(state, EMPTY);
  keep();
  changed();
}

export function addLabels(names) {
  const added = names.map((name) => clean(name, "the new label"));
  const labels = [...new Set([...state.labels, ...added])];
  if (labels.length > bundle.manifest.ways) {
    throw new DesireEdgeError(`this bundle holds at most ${bundle.manifest.ways} labels; remove one first`);
  }
  return labels;
}

export function removeLabel(given) {
  const name = clean(given, "the label to remove");
  relabel(`the label ${name} removed`, (labels) => labels.filter((label) => label !== name));
}

/** Give a label another name; its examples stay. */
export function renameLabel(name, given) {
  const named = clean(given, "the new name of a label");
  if (named === name) return;
  if (state.labels.includes(named)) throw new DesireEdgeError(`there is a label '${named}' already`);
  relabel(`the label ${name} renamed`, (labels) => labels.map((label) => (label === name ? named : label)));
}

/** Change every list of labels by `of`. */
function relabel(what, of) {
  const examples = state.examples.map((example) => ({
    ...example,
    labels: of(example.labels),
    negativeLabels: of(example.negativeLabels),
  }));
  state.draftLabels = of(state.draftLabels);
  change(what, { labels: of(state.labels), examples });
}

/** Add examples, with whatever labels are new in them; each is first tried, so that one the model cannot take is refused. */
export async function addExamples(added) {
  const { max_support: most } = bundle.manifest;
  if (state.examples.length + added.length > most) {
    throw new DesireEdgeError(`this bundle takes at most ${most} examples in the page; remove some, or add fewer`);
  }
  const names = added.map(({ name }) => name);
  bundle.knownRows(
    added.map(({ knownLabels }) => knownLabels),
    names,
  );
  await bundle.extract(
    added.map(({ raw }) => raw),
    names,
  );
  const labels = addLabels(added.flatMap((example) => [...example.labels, ...example.negativeLabels]));
  const examples = [...state.examples, ...added.map((example) => ({ ...example, id: crypto.randomUUID() }))];
  change(added.length === 1 ? "an example added" : `${added.length} examples added`, { labels, examples });
}

/** The names in a field, between commas. */
export function namesIn(text) {
  const named = text.split(",").filter((name) => tidy(name));
  return [...new Set(named.map((name) => clean(name, "the tags")))];
}
