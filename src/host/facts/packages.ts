import { AppError } from '../../model/errors/index.ts';
import type { PackageFact, PackageOrigin } from '../../model/facts.ts';
import { listsStamp, parsePolicy, policies } from '../packages/apt.ts';
import { findPackageManager } from '../packages/find-manager.ts';
import { cacheStamp } from '../packages/lists-stamp.ts';
import { parseNewer, parseOrigins } from '../packages/origins.ts';
import { by, type FactSection, type Look } from './look.ts';
import { archives as archivesOf, database, packages as installed } from './shared.ts';

interface Offer {
  candidate: string | null;
  /** absent: apt does not say which lists it has */
  origin?: PackageOrigin | null;
  newerFrom?: PackageOrigin | 'none';
}

/** What is installed, where it is from, and what the host's archive offers instead as of its last update. */
export const packages: FactSection<'packages'> = {
  name: 'packages',
  version: 5,
  async collect(look) {
    // Nothing installed is not what it means: nobody knows.
    if ((await database(look)) === null) throw new AppError('HOST_NO_PACKAGES');
    const facts = await installed(look);
    return joined(look, facts, await offers(look, facts));
  },
};

type Offers = ReadonlyMap<string, Offer>;

interface Joined {
  facts: readonly PackageFact[];
  offered: Offers | null;
  told: PackageFact[];
}

/** Both are kept from look to look, and what they make together with them. */
async function joined(look: Look, facts: readonly PackageFact[], offered: Offers | null): Promise<PackageFact[]> {
  const before = await look.kept('joined', '', async (): Promise<Joined> => ({ facts: [], offered: null, told: [] }));
  if (before.facts === facts && before.offered === offered) return before.told;
  const told = facts
    .map((fact) => ({ ...fact, ...(offered?.get(fact.name) ?? offered?.get(`${fact.name}:${fact.arch}`)) }))
    .sort(
      by(
        (fact) => fact.name,
        (fact) => fact.arch,
        (fact) => fact.version,
      ),
    );
  Object.assign(before, { facts, offered, told });
  return told;
}

async function offers(look: Look, facts: readonly PackageFact[]): Promise<Offers | null> {
  const installedBy = (await database(look))?.manager;
  return installedBy === 'dpkg' ? offersOfApt(look, facts) : offersOfOthers(look, facts);
}

/** Of dnf, zypper and apk: what each would become. From which of their archives it is they do not say in one go. */
async function offersOfOthers(look: Look, facts: readonly PackageFact[]): Promise<Offers | null> {
  const stamp = `${(await database(look))?.stamp} ${await cacheStamp(look.host)}`;
  // What is installed is known, whatever keeps the manager busy; and its next answer is asked for anew.
  const told = await look
    .kept('newer', stamp, async () => {
      const manager = await findPackageManager(look.host);
      return (await manager?.newer()) ?? null;
    })
    .catch(() => null);
  return told && new Map(facts.map(({ name, version }) => [name, { candidate: told.get(name) ?? version }]));
}

async function offersOfApt(look: Look, facts: readonly PackageFact[]): Promise<Offers | null> {
  const stamp = `${(await database(look))?.stamp} ${await listsStamp(look.host)}`;
  return look.kept('offers', stamp, async () => {
    const names = [...new Set(facts.map((fact) => fact.name))].sort();
    const told = await policies(look.host, names);
    if (told === null) return null;
    const candidates = parsePolicy(told);
    // apt knows of all that is installed: when nothing is understood, it spoke otherwise than we know it.
    if (candidates.size === 0) return null;
    const archives = (await archivesOf(look)) ?? new Map();
    const known = archives.size > 0;
    const origins = known ? parseOrigins(told, archives) : null;
    const offered = known ? parseNewer(told, archives) : null;
    return new Map(
      [...candidates].map(([name, candidate]): [string, Offer] => [
        name,
        origins === null
          ? { candidate }
          : { candidate, origin: origins.get(name) ?? null, newerFrom: offered?.get(name) ?? 'none' },
      ]),
    );
  });
}
