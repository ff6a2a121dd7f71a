import type { Component, Inventory, Program } from './contract.ts';
import { runsOf } from './contract.ts';
import { parentOf } from './bounds.ts';

const SPEC = /^(.+?)-(\d[\w.]*)(?:-(?:x86|x64|arm|aarch64|java|universal|mingw|ruby)[\w-]*)?\.gemspec$/;

/** Gems where a Ruby program finds them: of its Ruby, of the system, and of its bundle. */
export const gem: Inventory = {
  ecosystem: 'RubyGems',
  runs: runsOf(/\/j?ruby[\d.]*$/, /\/libruby[\w.-]*\.so/),
  async collect(program) {
    const found: Component[] = [];
    for (const directory of await directories(program)) {
      for (const name of await program.disk.list(directory)) {
        const match = SPEC.exec(name);
        if (match)
          found.push({ ecosystem: 'RubyGems', name: match[1]!, version: match[2]!, path: `${directory}/${name}` });
      }
    }
    return found;
  },
};

async function directories({ process, cwd, home, disk }: Program): Promise<string[]> {
  const mapped = process.maps.flatMap((file) => /^(.*)\/(?:gems|extensions)\/[^/]+-\d/.exec(file.path)?.[1] ?? []);
  const versioned = [
    '/var/lib/gems',
    `${cwd}/vendor/bundle/ruby`,
    ...(process.exe === null ? [] : [`${parentOf(parentOf(process.exe))}/lib/ruby/gems`]),
    ...(home === null ? [] : [`${home}/.gem/ruby`, `${home}/.local/share/gem/ruby`]),
  ];
  const found = new Set([...mapped, '/usr/local/bundle']);
  for (const base of versioned) for (const version of await disk.list(base)) found.add(`${base}/${version}`);
  return [...found].flatMap((base) => [`${base}/specifications`, `${base}/specifications/default`]).sort();
}
