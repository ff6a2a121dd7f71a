/**
 * Splits a command line into words as a POSIX shell does for quotes and backslashes. There are no operators, variables
 * or globs on a demo host: such a character outside quotes is refused instead of being taken literally.
 */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  const token = /\s+|'([^']*)'|"((?:\\.|[^"\\])*)"|\\([\s\S])|([^\s'"\\|&;<>()$`]+)/y;
  let word: string | null = null;
  while (token.lastIndex < line.length) {
    const at = token.lastIndex;
    const match = token.exec(line);
    if (!match) throw new Error(`cannot read the command line at ${JSON.stringify(line.slice(at, at + 12))}`);
    const [, single, double, escaped, plain] = match;
    const part = single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? escaped ?? plain;
    if (part !== undefined) word = (word ?? '') + part;
    else if (word !== null) {
      words.push(word);
      word = null;
    }
  }
  return word === null ? words : [...words, word];
}
