/** The lexicon of a bundle, of either schema. */

import { SourceLexicon } from "./sources.js";
import { StaticLexicon } from "./static.js";
import { readTables } from "./tables.js";

/** The lexicon in a file's bytes, which are read in place; `where` names it in errors. */
export function openLexicon(bytes, where) {
  const tables = readTables(bytes, where);
  return tables.static ? new StaticLexicon(tables) : new SourceLexicon(tables);
}
