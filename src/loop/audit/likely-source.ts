import type { Host } from '../../model/estate.ts';
import { BURNING, type Finding } from '../../model/finding.ts';
import type { LikelySource } from '../../model/likely-source.ts';
import type { Judge } from './judge-host.ts';
import { evenly, sharedTraits, type Traits } from './logic/likely-source.ts';
import { tagsOf } from '../../model/tag-expression.ts';
import { refuseUnknown } from './refuse-unknown.ts';
import { findFindings } from './store-findings.ts';
import { type HostTraits, traitsOf } from './store-traits.ts';

type Context = Pick<Judge, 'platform' | 'discovery' | 'kits'>;

/** Hosts of either side that are compared: enough to tell, and no more however large the estate is. */
const MOST = 2000;
const LEAST_REKINDLED = 2;

/** What hosts where it came back (or, where those are few, that burn) share and others do not. */
export async function likelySource(
  context: Context,
  { kit, check }: { kit: string; check?: string | undefined },
): Promise<LikelySource> {
  const burning = await findFindings(context.platform.db, { kit, check, states: [...BURNING] });
  if (burning.length === 0) await refuseUnknown(context.platform.db, context.kits, { kit });
  const back = burning.filter(({ rekindledAt }) => rekindledAt !== null);
  const isBack = new Set(back.map(({ hostId }) => hostId)).size >= LEAST_REKINDLED;
  const findings = isBack ? back : burning;
  const group = new Set(findings.map(({ hostId }) => hostId));
  const burns = new Set(burning.map(({ hostId }) => hostId));
  const hosts = (await context.discovery.hosts()).filter((host) => host.shared === undefined);
  const own = hosts.filter(({ id }) => group.has(id));
  // A host that burns for the first time is neither one where it came back nor one that is well.
  const others = hosts.filter(({ id }) => !burns.has(id));
  const compared = [...evenly(own, MOST), ...evenly(others, MOST)];
  const traits = await traitsOf(
    context.platform.db,
    compared.map(({ id }) => id),
    packagesOf(findings),
  );
  const looked = compared.flatMap((host) => lookedAt(host, group, traits.get(host.id)));
  const inGroup = looked.filter((one) => one.inGroup).length;
  return {
    group: isBack ? 'rekindled' : 'burning',
    hosts: group.size,
    others: looked.length - inGroup,
    sampled: own.length > MOST || others.length > MOST,
    items: group.size < LEAST_REKINDLED ? [] : sharedTraits(looked, isBack ? 'rekindled' : 'burning'),
  };
}

/** Hosts that nobody told anything of from inside have nothing to compare. */
function lookedAt(host: Host, group: ReadonlySet<string>, its: HostTraits | undefined): Traits[] {
  if (!its) return [];
  const tags = Object.entries(tagsOf(host)).map(([key, value]) => ({ kind: 'tag' as const, value: `${key}=${value}` }));
  return [
    {
      inGroup: group.has(host.id),
      kinds: new Set([...its.kinds, 'tag' as const]),
      traits: [...its.traits, ...tags],
    },
  ];
}

/** Packages that the findings are about: their own, or the one whose program listens. */
function packagesOf(findings: readonly Finding[]): string[] {
  const named = findings.flatMap(({ component, evidence, endpoint }) => {
    const of = evidence['package'];
    return [...(typeof of === 'string' ? [of] : []), ...(endpoint === null ? [component] : [])];
  });
  return [...new Set(named)];
}
