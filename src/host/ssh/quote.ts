/** POSIX shell quoting: SSH carries one command line, never an argument list. */
export function shellQuote(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

export function commandLine(argv: readonly string[]): string {
  // A first word like A=B would be an assignment, not a command.
  return argv.map((word, index) => (index === 0 && word.includes('=') ? `'${word}'` : shellQuote(word))).join(' ');
}
