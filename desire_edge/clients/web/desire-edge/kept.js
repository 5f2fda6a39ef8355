/** What took long to compute, so that it is done once. */

const MAX_TEXTS = 4096;

/** Values of texts, the latest ones alone, and of files (Blob). Arrays may change, so that nothing is kept of them. */
export class Kept {
  texts = new Map();
  files = new WeakMap();

  get(raw) {
    return this.#of(raw)?.get(raw);
  }

  set(raw, value) {
    this.#of(raw)?.set(raw, value);
    if (this.texts.size > MAX_TEXTS) this.texts.delete(this.texts.keys().next().value);
  }

  #of(raw) {
    return typeof raw === "string" ? this.texts : raw instanceof Blob ? this.files : null;
  }
}
