import type { Comparison } from '../../model/compare.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Facts, SectionName } from '../../model/facts.ts';
import { staleHosts } from './compliance.ts';
import type { Judge } from './judge-host.ts';
import { differences, packagesIn, settingsIn } from './logic/compare.ts';
import { type HostFacts, readFactsOf } from './store-facts.ts';
import { reportedAt, verdictsOfHost } from './store-verdicts.ts';

type Context = Pick<Judge, 'platform' | 'discovery' | 'kits' | 'staleAfterMs'>;

const PACKAGES: readonly SectionName[] = ['packages'];
const SETTINGS: readonly SectionName[] = ['archive', 'kernel', 'os', 'services', 'settings'];

export async function compareHosts(context: Context, firstId: string, secondId: string): Promise<Comparison> {
  const { db } = context.platform;
  const ids = [firstId, secondId];
  const [first, second] = await Promise.all(ids.map((id) => mustFind(context, id)));
  const [facts, reported, stale] = await Promise.all([
    readFactsOf(db, ids, [...PACKAGES, ...SETTINGS]),
    reportedAt(db, ids),
    staleHosts(context, ids),
  ]);
  const [a, b] = ids.map((id) => facts.get(id) ?? { sections: {}, meta: {} });
  const unknown = [...PACKAGES, ...SETTINGS].flatMap((section) =>
    [...missing(a!, section, first!.name), ...missing(b!, section, second!.name)].map((host) => ({ section, host })),
  );
  const lost = new Set<string>(unknown.map(({ section }) => section));
  const both = ({ sections }: HostFacts): Partial<Facts> =>
    Object.fromEntries(Object.entries(sections).filter(([name]) => !lost.has(name)));
  const packages = differences(packagesIn(both(a!)), packagesIn(both(b!)));
  const settings = differences(settingsIn(both(a!)), settingsIn(both(b!)));
  const verdicts = await compareVerdicts(context, firstId, secondId);
  const side = ({ id, name }: { id: string; name: string }) => ({
    id,
    name,
    reportedAt: reported.get(id)?.toISOString() ?? null,
    stale: stale.has(id),
  });
  return {
    first: side(first!),
    second: side(second!),
    packages: packages.items,
    settings: settings.items,
    verdicts: verdicts.items,
    same: { packages: packages.same, settings: settings.same, verdicts: verdicts.same },
    unknown,
  };
}

const missing = ({ sections }: HostFacts, section: SectionName, host: string): string[] =>
  sections[section] === undefined ? [host] : [];

async function mustFind({ discovery }: Context, id: string) {
  const host = await discovery.host(id);
  if (!host) throw new AppError('NOT_FOUND', { what: 'host', id, list: 'hosts' });
  return host;
}

async function compareVerdicts(
  { platform, kits }: Context,
  firstId: string,
  secondId: string,
): Promise<{ items: Comparison['verdicts']; same: number }> {
  const [a, b] = await Promise.all([firstId, secondId].map((id) => verdictsOfHost(platform.db, id)));
  const all = kits.flatMap(({ kit }) =>
    kit.checks.map(({ id, title }) => ({
      kit: kit.kit,
      check: id,
      title,
      first: a!.get(kit.kit)?.marks[id] ?? null,
      second: b!.get(kit.kit)?.marks[id] ?? null,
    })),
  );
  const items = all.filter(({ first, second }) => first !== second);
  return { items, same: all.filter(({ first, second }) => first !== null && first === second).length };
}
