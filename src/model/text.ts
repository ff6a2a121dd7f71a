/** Words of strangers that are kept or shown: longer ones are a mistake or an attack. */
const LONGEST = 2000;

/**
 * A text that came from a host, as every column and entry can hold it. Strangers' texts have NUL, which PostgreSQL's text
 * refuses, and halves of surrogate pairs, which canonical JSON refuses: either would turn a note of what went wrong into
 * a write that fails for ever.
 */
export function plainText(text: string, longest = LONGEST): string {
  const cut = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return cut.toWellFormed().replaceAll('\0', '\uFFFD');
}

/** A text of strangers as one line for people: nothing in it moves cursors, hides, or turns the direction of writing. */
export function oneLine(text: string, longest = LONGEST): string {
  const line = text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim();
  return line.length > longest ? `${line.slice(0, longest - 1).toWellFormed()}…` : line;
}
