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
  /** left out when cutting is not enough; the highest goes first */
  drop?: number;
}

const GAP = '  ';
const LEAST_WIDTH = 12;
const DEFAULT_WIDTH = 80;

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

export function table<T>(rows: readonly T[], all: Column<T>[], c: Colours, limit = terminalWidth()): string {
  const columns = dropToFit(rows, all, limit);
  const cells = rows.map((row) => columns.map((column) => column.of(row)));
  const widths = widthsOf(rows, columns);
  shrinkToFit(widths, columns, limit);
  const line = (texts: string[]): string =>
    texts
      .map((text, i) => (i === texts.length - 1 ? cut(text, widths[i]!) : cut(text, widths[i]!).padEnd(widths[i]!)))
      .join(GAP)
      .trimEnd();
  return [c.bold(line(columns.map((column) => column.title))), ...cells.map(line)].join('\n');
}

/** Whoever reads from a pipe wants all of it. */
const terminalWidth = (): number => (process.stdout.isTTY ? (process.stdout.columns ?? DEFAULT_WIDTH) : Infinity);
const total = (widths: number[]): number => widths.reduce((sum, width) => sum + width + GAP.length, -GAP.length);

function widthsOf<T>(rows: readonly T[], columns: Column<T>[]): number[] {
  return columns.map((column) =>
    rows.reduce((most, row) => Math.max(most, column.of(row).length), column.title.length),
  );
}

/** The columns that fit when everything that may be cut is cut. */
function dropToFit<T>(rows: readonly T[], all: Column<T>[], limit: number): Column<T>[] {
  let columns = all;
  for (;;) {
    const least = widthsOf(rows, columns).map((width, i) =>
      columns[i]!.shrink ? Math.min(width, LEAST_WIDTH) : width,
    );
    const first = Math.max(0, ...columns.map((column) => column.drop ?? 0));
    if (total(least) <= limit || first === 0) return columns;
    columns = columns.filter((column) => column.drop !== first);
  }
}

/** Takes from the widest first, so that one long column does not eat all the others. */
function shrinkToFit<T>(widths: number[], columns: Column<T>[], limit: number): void {
  for (let over = total(widths) - limit; over > 0; over -= 1) {
    const widest = widths.reduce(
      (best, width, i) => (columns[i]!.shrink && width > (widths[best] ?? 0) ? i : best),
      -1,
    );
    if (widest < 0 || widths[widest]! <= LEAST_WIDTH) return;
    widths[widest]! -= 1;
  }
}

/** Names and banners come from hosts, known or not: what they hold must not steer the terminal. Colours are ours. */
export function harmless(text: string): string {
  return text.replace(/\p{Cc}(?:\[[0-9;]*m)?|[\u202a-\u202e\u2066-\u2069]/gu, (found) => {
    const colour = found.length > 1 && found.startsWith('\u001b');
    return colour || found.startsWith('\n') || found.startsWith('\t') ? found : `·${found.slice(1)}`;
  });
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

/** "1 host", "2 hosts". */
export const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

/** "3 min ago" and the like, for people; JSON output keeps the instant. */
export function ago(iso: string | null | undefined, now = Date.now()): string {
  if (!iso) return 'never';
  const seconds = Math.max(0, Math.round((now - new Date(iso).getTime()) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h ago` : `${Math.round(seconds / 86_400)} d ago`;
}
