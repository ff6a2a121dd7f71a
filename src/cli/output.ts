import pc from 'picocolors';

/** Where a command writes. Results go to `out`, progress and errors to `err`, so that `--json` can be piped. */
export interface Output {
  json: boolean;
  colour: boolean;
  out(text: string): void;
  err(text: string): void;
}

export type Colours = ReturnType<typeof pc.createColors>;
export const colours = (output: Output): Colours => pc.createColors(output.colour);

export interface Column<T> {
  title: string;
  of(row: T): string;
  /** may be cut when the table is wider than the terminal */
  shrink?: boolean;
}

const GAP = '  ';
const DEFAULT_WIDTH = 100;

/** A listing: JSON with `--json`, else a table that fits the terminal, else a sentence when there is nothing. */
export function list<T>(output: Output, rows: readonly T[], columns: Column<T>[], empty: string): void {
  if (output.json) return output.out(JSON.stringify(rows, null, 2));
  if (rows.length === 0) return output.out(empty);
  output.out(table(rows, columns, colours(output)));
}

/** A single thing: JSON with `--json`, else `name: value` lines. */
export function show(output: Output, value: unknown, lines: [string, string][]): void {
  if (output.json) return output.out(JSON.stringify(value, null, 2));
  const width = Math.max(...lines.map(([name]) => name.length));
  output.out(lines.map(([name, text]) => `${colours(output).dim(name.padEnd(width))}  ${text}`).join('\n'));
}

export function table<T>(rows: readonly T[], columns: Column<T>[], c: Colours): string {
  const cells = rows.map((row) => columns.map((column) => column.of(row)));
  const widths = columns.map((column, i) => Math.max(column.title.length, ...cells.map((line) => line[i]!.length)));
  shrinkToFit(widths, columns);
  const line = (texts: string[]): string =>
    texts
      .map((text, i) => (i === texts.length - 1 ? cut(text, widths[i]!) : cut(text, widths[i]!).padEnd(widths[i]!)))
      .join(GAP)
      .trimEnd();
  return [c.bold(line(columns.map((column) => column.title))), ...cells.map(line)].join('\n');
}

function shrinkToFit<T>(widths: number[], columns: Column<T>[]): void {
  const limit = process.stdout.columns ?? DEFAULT_WIDTH;
  const over = (): number => widths.reduce((sum, width) => sum + width + GAP.length, -GAP.length) - limit;
  for (let i = widths.length - 1; i >= 0 && over() > 0; i--) {
    if (columns[i]!.shrink) widths[i] = Math.max(12, widths[i]! - over());
  }
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}

/** One line that is rewritten on a terminal, and plain lines elsewhere. */
export function progress(output: Output): { at(text: string): void; done(): void } {
  const terminal = process.stderr.isTTY === true;
  let last = '';
  return {
    at: (text) => {
      if (text === last) return;
      last = text;
      if (terminal) process.stderr.write(`\r\u001b[K${text}`);
      else output.err(text);
    },
    done: () => {
      if (terminal && last) process.stderr.write('\r\u001b[K');
    },
  };
}

/** "3 min ago" and the like, for people; JSON output keeps the instant. */
export function ago(iso: string | null | undefined, now = Date.now()): string {
  if (!iso) return 'never';
  const seconds = Math.max(0, Math.round((now - new Date(iso).getTime()) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h ago` : `${Math.round(seconds / 86_400)} d ago`;
}
