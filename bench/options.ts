import { parseArgs } from 'node:util';

export interface Options {
  /** of the benches that run; none: all */
  names: readonly string[];
  smoke: boolean;
  help: boolean;
  /** null: as many as a bench takes by itself */
  rounds: number | null;
}

const LARGEST_ROUNDS = 50;

/** A name is one of the benches, or the beginning of some: `scan` are all of them. */
export const isNamed = (bench: string, names: readonly string[]): boolean =>
  names.length === 0 || names.some((name) => bench.startsWith(name));

/** Throws a sentence that says what there is. */
export function parseOptions(argv: readonly string[], benches: readonly string[]): Options {
  const { values, positionals: names } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      smoke: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const unknown = names.find((name) => name === '' || !benches.some((bench) => isNamed(bench, [name])));
  if (unknown !== undefined) throw new Error(`There is no bench "${unknown}": there are ${benches.join(', ')}.`);
  if (values.rounds !== undefined && !(/^\d{1,2}$/.test(values.rounds) && isCount(Number(values.rounds))))
    throw new Error(`--rounds is a number from 1 to ${LARGEST_ROUNDS}, not "${values.rounds}".`);
  const rounds = values.rounds === undefined ? null : Number(values.rounds);
  return { names, smoke: values.smoke, help: values.help, rounds };
}

const isCount = (rounds: number): boolean => rounds >= 1 && rounds <= LARGEST_ROUNDS;

export const helpOf = (benches: readonly { name: string; claim: string }[]): string =>
  `npm run bench -- [NAME…] [--smoke] [--rounds N]

Measures each claim as a ratio against its peer in one run: the median of interleaved rounds, and how far they were apart.
Without a name all run, which takes an hour. A name may be the beginning of several. Ends with 1 where a claim does not hold.
  --smoke      each once and small, to see that it still runs: judges nothing
  --rounds N   so many rounds instead of five (some take fewer at most)

${benches.map(({ name, claim }) => `  ${name.padEnd(20)} ${claim}`).join('\n')}
`;
