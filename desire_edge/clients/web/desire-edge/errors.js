/** What a person can mend: one or two plain sentences that name the file and the mend, and a `code` that stays. */
export class DesireEdgeError extends Error {
  name = "DesireEdgeError";

  constructor(message, code = "invalid") {
    super(message);
    this.code = code;
  }
}

/** What must not reach a terminal: controls, line separators, marks that reorder text, half characters. */
const CONTROL = /[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]|\p{Cs}/gu;

/** A value from a file, short enough for a sentence. */
export function shown(value) {
  const text = (typeof value === "string" ? value : (JSON.stringify(value) ?? String(value))).replace(
    CONTROL,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const characters = [...text];
  return characters.length > 60 ? `${characters.slice(0, 60).join("")}…` : text;
}
