/** How bytes are packed. */
export type Packing = 'xz' | 'zst' | 'gz';
/** What travels: packed bytes, .xz in the form of a Debian archive, or the file as it is. */
export type Transit = Packing | 'deb' | 'plain';

interface Steps {
  /** where what travels is put */
  came: string;
  argv: readonly string[] | null;
  /** where the file is then */
  made: string;
}

/** A way to unpack on a host. No shell: not every way in has one. */
export interface Unpacker {
  name: string;
  transit: Transit;
  /** tells whether it is there; null: it always is */
  probe: { argv: readonly string[]; mustSucceed?: true } | null;
  /** how the file `fresh` comes about */
  steps(fresh: string): Steps;
}

const PYTHON = 'import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.argv[1]), open(sys.argv[2], "wb"), 1 << 20)';

const beside =
  (ending: string, argv: (came: string, fresh: string) => readonly string[]) =>
  (fresh: string): Steps => ({ came: `${fresh}${ending}`, argv: argv(`${fresh}${ending}`, fresh), made: fresh });

/** The smallest in transit first; what takes nothing but a copy last. */
export const UNPACKERS: readonly Unpacker[] = [
  {
    name: 'xz',
    transit: 'xz',
    probe: { argv: ['xz', '--version'] },
    steps: beside('.xz', (came) => ['xz', '-d', '-f', came]),
  },
  {
    name: 'python3',
    transit: 'xz',
    // The small Python of some hosts comes without it.
    probe: { argv: ['python3', '-c', 'import lzma'], mustSucceed: true },
    steps: beside('.xz', (came, fresh) => ['python3', '-c', PYTHON, came, fresh]),
  },
  {
    name: 'dpkg-deb',
    transit: 'deb',
    probe: { argv: ['dpkg-deb', '--version'] },
    steps: (fresh) => ({
      came: `${fresh}.deb`,
      argv: ['dpkg-deb', '-x', `${fresh}.deb`, `${fresh}.d`],
      made: `${fresh}.d/lastember-agent`,
    }),
  },
  {
    name: 'zstd',
    transit: 'zst',
    probe: { argv: ['zstd', '--version'] },
    steps: beside('.zst', (came, fresh) => ['zstd', '-d', '-q', '-f', came, '-o', fresh]),
  },
  {
    name: 'gzip',
    transit: 'gz',
    probe: { argv: ['gzip', '--version'] },
    steps: beside('.gz', (came) => ['gzip', '-d', '-f', came]),
  },
  { name: 'nothing', transit: 'plain', probe: null, steps: (fresh) => ({ came: fresh, argv: null, made: fresh }) },
];

/** The first that the host has, of those whose form this server can make. */
export function chooseUnpacker(there: ReadonlySet<string>, canMake: ReadonlySet<Packing>): Unpacker {
  const makes = ({ transit }: Unpacker): boolean =>
    transit === 'plain' || canMake.has(transit === 'deb' ? 'xz' : transit);
  return UNPACKERS.find((unpacker) => there.has(unpacker.name) && makes(unpacker)) ?? UNPACKERS.at(-1)!;
}
