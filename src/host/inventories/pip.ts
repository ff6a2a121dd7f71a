import type { Component, Inventory, Program } from './contract.ts';
import { runsOf } from './contract.ts';
import { absolute, nameOf, parentOf } from './bounds.ts';

/** The distribution's own place: those are its packages, fixed under numbers of its own. */
const DISTRIBUTION = /^\/usr\/lib\/python3\/dist-packages$/;

/** What pip installed where a Python program looks for modules. */
export const pip: Inventory = {
  ecosystem: 'PyPI',
  runs: runsOf(/\/python[\d.]*$/, /\/libpython[\d.]+\.so/),
  async collect({ disk, ...program }) {
    const found: Component[] = [];
    for (const directory of await directories({ disk, ...program })) {
      for (const name of await disk.list(directory)) {
        const match = /^([A-Za-z0-9][\w.]*?)-(\d[^-]*)(?:-py[\d.]+)?\.(?:dist-info|egg-info|egg)$/.exec(name);
        if (match)
          found.push({ ecosystem: 'PyPI', name: plain(match[1]!), version: match[2]!, path: `${directory}/${name}` });
      }
    }
    return found;
  },
};

/** PyPI takes all of these for one name (PEP 503). */
const plain = (name: string): string => name.replace(/[-_.]+/g, '-').toLowerCase();

async function directories(program: Program): Promise<string[]> {
  const mapped = program.process.maps.flatMap((file) => /^(.*\/(?:site|dist)-packages)\//.exec(file.path)?.[1] ?? []);
  const environments = await environmentsOf(program);
  // A virtual environment has all it needs; the system's place is looked at by programs without one.
  const prefixes = environments.length > 0 ? environments : systemPrefixes(program);
  const found = new Set(mapped);
  // Modules that were installed for another version of Python are not found by this one.
  const own = /\/python(\d+\.\d+)$/.exec(program.process.exe ?? '')?.[1];
  const fits = (name: string): boolean => /^python3?$/.test(name) || own === undefined || name === `python${own}`;
  for (const prefix of prefixes) {
    for (const version of (await program.disk.list(`${prefix}/lib`)).filter(
      (name) => /^python[\d.]*$/.test(name) && fits(name),
    )) {
      found.add(`${prefix}/lib/${version}/site-packages`);
      found.add(`${prefix}/lib/${version}/dist-packages`);
    }
  }
  return [...found].filter((path) => !DISTRIBUTION.test(path)).sort();
}

/** By `pyvenv.cfg` two directories above the interpreter or the script that it was started as. */
async function environmentsOf({ argv, cwd, disk }: Program): Promise<string[]> {
  const found = new Set<string>();
  for (const word of argv.slice(0, 3).filter((one) => one.includes('/'))) {
    const prefix = parentOf(parentOf(absolute(word, cwd)));
    if (nameOf(parentOf(absolute(word, cwd))) === 'bin' && (await disk.stamp(`${prefix}/pyvenv.cfg`)) !== null)
      found.add(prefix);
  }
  return [...found];
}

function systemPrefixes({ process, home }: Program): string[] {
  const own = process.exe === null ? [] : [parentOf(parentOf(process.exe))];
  return [...own, '/usr/local', ...(home === null ? [] : [`${home}/.local`])];
}
