/** JSON as every client of a bundle reads it: `parse_json` of desire_edge/files.py. */

const DEEPEST = 512;
const ESCAPES = /\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|u[dD][89a-fA-F]..|.)/g; // a whole pair, a half, anything else
const HALF = "\\ud800".length;

/** The JSON value in `text`; an Error where there is none, or nesting without measure, or half a character. */
export function parseJson(text) {
  const value = JSON.parse(text);
  for (const [escape] of text.matchAll(ESCAPES)) {
    if (escape.length === HALF) throw new Error(`${escape} is half a character`);
  }
  for (let [depth, level] = [0, [value]]; level.length; depth++) {
    if (depth === DEEPEST) throw new Error("it is nested too deeply");
    level = level.flatMap((item) => (item !== null && typeof item === "object" ? Object.values(item) : []));
  }
  return value;
}

/** Whether a value of JSON is an object. */
export function isObject(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
