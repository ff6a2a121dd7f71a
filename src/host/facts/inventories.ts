import type { ComponentFact, InventoryFacts } from '../../model/facts.ts';
import { readText } from '../host.ts';
import { Bounds, Disk, Kept } from '../inventories/bounds.ts';
import type { Component, Program } from '../inventories/contract.ts';
import { INVENTORIES } from '../inventories/registry.ts';
import type { Process } from '../proc/processes.ts';
import { by, type FactSection, type Look } from './look.ts';
import { processes, userOf } from './running.ts';
import { packageOf, users } from './shared.ts';

const COMPONENTS_LIMIT = 20_000;

/** Libraries that running programs bring along, beside the packages of the distribution. */
export const inventories: FactSection<'inventories'> = {
  name: 'inventories',
  version: 1,
  async collect(look): Promise<InventoryFacts> {
    const bounds = new Bounds();
    const kept = new Kept(await look.kept('inventories', '', async () => new Map()), bounds);
    const found = new Map<string, ComponentFact>();
    for (const process of (await processes(look)).values()) {
      const user = await userOf(look, process);
      for (const component of await ofProcess(look, process, { bounds, kept }))
        add(found, component, user, process.foreign);
    }
    kept.tidy();
    const components = await withoutPackaged(look, [...found.values()]);
    const order = by<ComponentFact>((one) => [one.path, one.ecosystem, one.name, one.version].join(' '));
    components.sort(order);
    if (components.length > COMPONENTS_LIMIT) bounds.unread.add(components[COMPONENTS_LIMIT]!.path);
    return { components: components.slice(0, COMPONENTS_LIMIT), unread: [...bounds.unread].sort().slice(0, 200) };
  },
};

async function ofProcess(
  look: Look,
  process: Process,
  { bounds, kept }: { bounds: Bounds; kept: Kept },
): Promise<Component[]> {
  const { host } = look;
  const disk = new Disk(host, process.foreign ? `/proc/${process.pid}/root` : '', bounds);
  const home = (await users(look)).find((user) => user.uid === process.uid)?.home ?? null;
  const bare: Program = {
    process,
    argv: [],
    cwd: '/',
    home: process.foreign ? null : home,
    disk,
    kept: kept.get.bind(kept),
  };
  const fitting = INVENTORIES.filter((inventory) => inventory.runs(bare));
  if (fitting.length === 0) return [];
  const line = (await readText(host, `/proc/${process.pid}/cmdline`).catch(() => null)) ?? '';
  const cwd = (await host.readlink(`/proc/${process.pid}/cwd`).catch(() => null)) ?? '/';
  const argv = line.split('\0').map((word) => host.shown(word));
  const program = { ...bare, argv: argv.slice(0, argv.at(-1) === '' ? -1 : undefined), cwd: host.shown(cwd) };
  const found: Component[] = [];
  for (const inventory of fitting) found.push(...(await inventory.collect(program)));
  return found;
}

function add(found: Map<string, ComponentFact>, component: Component, user: string, container: boolean): void {
  const key = [component.ecosystem, component.name, component.version, component.path, container].join('\n');
  const known = found.get(key);
  if (known === undefined) found.set(key, { ...component, usedBy: [user], container });
  else if (!known.usedBy.includes(user)) known.usedBy = [...known.usedBy, user].sort();
}

/** What the distribution ships is in `packages`, under the versions that it fixes things in. */
async function withoutPackaged(look: Look, components: readonly ComponentFact[]): Promise<ComponentFact[]> {
  const fileOf = ({ path }: ComponentFact): string => path.split('!/')[0]!;
  const own = components.filter((one) => !one.container && /^\/(?:usr|lib|opt)\//.test(one.path));
  const owners = own.length === 0 ? new Map() : await packageOf(look, new Set(own.map(fileOf)));
  return components.filter((one) => one.container || (owners.get(fileOf(one)) ?? null) === null);
}
