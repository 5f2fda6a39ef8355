/** Tables as text, by RFC 4180 with any separator of one character. */

/**
 * The rows of a table, {fields, line}; blank lines are none. Where the quoting is broken `refuse(line, why)` is called,
 * which throws.
 */
export function* rowsOf(text, separator, refuse) {
  const ended = (at) => at >= text.length || "\r\n".includes(text[at]);
  for (let at = 0, line = 1; at < text.length; line++) {
    const [begin, row] = [at, { fields: [], line }];
    for (let start = at; ; start = at + 1) {
      let field;
      if (text[start] === '"') {
        [field, at] = quoted(text, start, () => refuse(line, "a quote is not closed"));
        if (!ended(at) && text[at] !== separator) refuse(line, "something follows the quote at the end of a field");
        line += field.split("\n").length - 1;
      } else {
        for (at = start; !ended(at) && text[at] !== separator;) at++;
        field = text.slice(start, at);
        if (field.includes('"')) refuse(line, "a quote stands in a field that does not begin with one");
      }
      row.fields.push(field);
      if (ended(at)) break;
    }
    if (at > begin) yield row;
    at += text.startsWith("\r\n", at) ? 2 : 1;
  }
}

/** What a quoted field that begins at `start` says, and where it ends; `refuse` is called where it does not. */
function quoted(text, start, refuse) {
  const parts = [];
  for (let from = start + 1; ;) {
    const end = text.indexOf('"', from);
    if (end < 0) refuse();
    parts.push(text.slice(from, end));
    if (text[end + 1] !== '"') return [parts.join('"'), end + 1];
    from = end + 2;
  }
}
