/** The cells of one line of CSV (RFC 4180), without the blanks around them. */
export function splitCsv(line: string): string[] {
  const cells: string[] = [];
  const pattern = /\s*"((?:[^"]|"")*)"\s*(,|$)|([^,]*)(,|$)/gy;
  for (;;) {
    const [, quoted, quotedEnd, plain, plainEnd] = pattern.exec(line)!;
    cells.push(quoted === undefined ? plain!.trim() : quoted.replaceAll('""', '"'));
    if ((quotedEnd ?? plainEnd) === '') return cells;
  }
}
