/** Text as the tokens of a pretrained encoder, by the tokenizer.json beside the model: desire_edge/inputs/tokens.py. */

import { DesireEdgeError } from "../errors.js";
import { areDigests } from "./assets.js";

export const TOKENIZER = "tokenizer.json";
const [MAX_TOKENS, MAX_VOCABULARY] = [2 ** 16, 2 ** 24];

/** Token ids, x [length] of 1 to `longest`; a longer text is cut off there. Token ids are taken as they are, too. */
export class TokensInput {
  kind = "tokens";
  ragged = true;
  assets = [TOKENIZER];

  /** Whether `value` is the JSON of such an input. */
  static describes({ longest, vocabulary_size: vocabulary, pad, files }) {
    return (
      isWhole(longest, 1, MAX_TOKENS) &&
      isWhole(vocabulary, 1, MAX_VOCABULARY) &&
      isWhole(pad, 0, MAX_VOCABULARY) &&
      areDigests(files, [TOKENIZER])
    );
  }

  constructor({ longest, vocabulary_size: vocabulary, pad, files }) {
    Object.assign(this, { longest, vocabulary, pad, files });
  }

  toJSON() {
    const { kind, longest, vocabulary, pad, files } = this;
    return { kind, longest, vocabulary_size: vocabulary, pad, files };
  }

  /** Read the tokenizer; `tokenizers` gives the module @huggingface/tokenizers, and `where` names the file in errors. */
  async open({ read, tokenizers = tokenizersPackage }, where) {
    const { Tokenizer } = await tokenizers();
    try {
      const described = JSON.parse(new TextDecoder().decode(await read(TOKENIZER)));
      this.tokenizer = new Tokenizer(described, { unk_token: described.model.unk_token });
    } catch (error) {
      if (error instanceof DesireEdgeError) throw error;
      throw new DesireEdgeError(`${where} is not a tokenizer that can be read: ${error.message ?? error}`, "tokenizer");
    }
  }

  /** {x: {type, shape, data}, words: [], unknown: []} of one example: a text, or token ids. */
  featuresOf(raw, where) {
    const ids = typeof raw === "string" ? this.#idsOf(raw) : numbersIn(raw, where);
    this.#check(ids, where);
    const x = { type: "int64", shape: [ids.length], data: BigInt64Array.from(ids, BigInt) };
    return { x, words: [], unknown: [] };
  }

  /** A text's ids; where it is too long, what the tokenizer puts around a text stays. */
  #idsOf(text) {
    const ids = this.tokenizer.encode(text).ids;
    if (ids.length <= this.longest) return ids.length ? ids : [this.pad];
    const bare = this.tokenizer.encode(text, { add_special_tokens: false }).ids;
    const around = ids.length - bare.length;
    let before = 0; // how many of them come before the text
    while (before < around && !bare.every((id, at) => ids[before + at] === id)) before++;
    const kept = Math.max(0, this.longest - around);
    return [...ids.slice(0, before), ...bare.slice(0, kept), ...ids.slice(before + bare.length)];
  }

  #check(ids, where) {
    if (!ids.every(Number.isSafeInteger)) {
      throw new DesireEdgeError(`${where} does not hold whole numbers, which token ids are`, "input-type");
    }
    if (ids.length < 1 || ids.length > this.longest) {
      throw new DesireEdgeError(
        `${where} has shape [${ids.length}], but this model takes 1 to ${this.longest} token ids`,
        "input-shape",
      );
    }
    const bad = ids.find((id) => id < 0 || id >= this.vocabulary);
    if (bad !== undefined) {
      throw new DesireEdgeError(
        `${where}: token ids run from 0 to ${this.vocabulary - 1}, and ${bad} is none`,
        "input-feature",
      );
    }
  }
}

function numbersIn(raw, where) {
  const vector = Array.isArray(raw) || (ArrayBuffer.isView(raw) && !(raw instanceof DataView));
  if (!vector) {
    throw new DesireEdgeError(`${where} is neither text nor token ids, which this model takes`, "input-kind");
  }
  return Array.from(raw, (id) => (typeof id === "bigint" ? Number(id) : id));
}

function isWhole(value, least, most) {
  return Number.isInteger(value) && value >= least && value <= most;
}

async function tokenizersPackage() {
  const name = "@huggingface/tokenizers"; // in a variable, so that no bundler looks for it
  try {
    return await import(name);
  } catch {
    throw new DesireEdgeError(
      "this bundle's texts are split by the package @huggingface/tokenizers, which is not installed; `npm install` it",
    );
  }
}
