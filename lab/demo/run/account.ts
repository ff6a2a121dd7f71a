import pc from 'picocolors';

export interface Claim {
  claim: string;
  held: boolean;
  detail: string;
}

/** What the demo tells while it runs, and what it found to be so. */
export interface Account {
  /** A part of the loop; its time is kept under `key`. */
  step<T>(key: string, title: string, work: () => Promise<T>): Promise<T>;
  say(text: string): void;
  /** indented, less important */
  note(text: string): void;
  /** Writes down whether something the demo promises is so. */
  claim(claim: string, held: boolean, detail?: string): void;
  table(rows: string[][]): void;
  durations: Record<string, number>;
  claims: Claim[];
}

export function createAccount(out: NodeJS.WritableStream): Account {
  const started = Date.now();
  const durations: Record<string, number> = {};
  const claims: Claim[] = [];
  const line = (text: string): void => void out.write(`${text}\n`);
  const clock = (): string => pc.dim(`${((Date.now() - started) / 1000).toFixed(1).padStart(5)} s`);
  return {
    durations,
    claims,
    step: async (key, title, work) => {
      const from = Date.now();
      line(`\n${clock()}  ${pc.bold(title)}`);
      try {
        return await work();
      } finally {
        durations[key] = (durations[key] ?? 0) + Date.now() - from;
      }
    },
    say: (text) => line(`${clock()}  ${text}`),
    note: (text) => line(`         ${pc.dim(text)}`),
    claim: (claim, held, detail = '') => {
      claims.push({ claim, held, detail });
      const mark = held ? pc.green('✓') : pc.red('✗');
      line(`${clock()}  ${mark} ${held ? claim : pc.red(claim)}${detail ? pc.dim(`  ${detail}`) : ''}`);
    },
    table: (rows) => {
      const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
      for (const row of rows)
        line(
          `         ${row
            .map((cell, column) => cell.padEnd(widths[column] ?? 0))
            .join('  ')
            .trimEnd()}`,
        );
    },
  };
}
