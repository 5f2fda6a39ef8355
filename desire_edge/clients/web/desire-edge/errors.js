/** What a person can mend: one or two plain sentences that name the file and the mend. */
export class DesireEdgeError extends Error {
  name = "DesireEdgeError";
}

/** Controls, line separators, marks that reorder text, half characters: what no name may hold. */
export const CONTROL = /[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]|\p{Cs}/u;

/** A value from a file, short enough for a sentence. */
export function shown(value) {
  const text = (typeof value === "string" ? value : (JSON.stringify(value) ?? String(value))).replace(
    new RegExp(CONTROL, "gu"),
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const characters = [...text];
  return characters.length > 60 ? `${characters.slice(0, 60).join("")}…` : text;
}
