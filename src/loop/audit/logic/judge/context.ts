import { endpointName } from '../../../../model/endpoint-name.ts';
import type { Endpoint } from '../../../../model/estate.ts';
import type { Facts, SectionName } from '../../../../model/facts.ts';
import type { Verdict } from '../../../../model/finding.ts';
import type { Check } from '../../../../model/kit.ts';
import { minuteOf } from '../../../../model/minute.ts';
import type { Orphan } from '../orphans.ts';
import type { Identity } from '../identities.ts';
import type { Asked } from '../revocation.ts';
import type { KnownName } from '../served-names.ts';
import type { CelValue } from '../kit/expression.ts';

/** How fresh one section is. `receivedAt`: by the server's clock, when its content was last confirmed. */
export interface SectionMeta {
  version: number;
  hash: string;
  collectedAt: string;
  receivedAt: string;
  error: string | null;
}
export type SectionMetas = Partial<Record<SectionName, SectionMeta>>;

/** Everything a judgement looks at. Pure: the same input gives the same verdicts. */
export interface Evidence {
  /** ISO time */
  now: string;
  host: { id: string; name: string; addresses: readonly string[] };
  /** by which the host is known beside its addresses */
  names: readonly KnownName[];
  facts: Partial<Facts>;
  meta: SectionMetas;
  endpoints: readonly Endpoint[];
  /** what authorities say of the certificates that these serve */
  asked?: Asked;
  /** what tells the machine from others, and who has it as well; absent: nobody asked */
  identities?: readonly Identity[];
  /** processes that run old files of nobody knows which package */
  orphans: readonly Orphan[];
  /** order of versions of an ecosystem, or null where there is none */
  order(ecosystem: string): ((a: string, b: string) => number | null) | null;
  /** facts older than this prove nothing any more */
  staleAfterMs: number;
}

/** What a check says about one subject. */
export interface Judgement {
  kit: string;
  check: Check;
  /** what within the host it is about; for endpoints its unit or service */
  component: string;
  endpoint: Endpoint | null;
  verdict: Verdict;
  /** a pass or not-applicable that is proof enough to close a finding */
  proven: boolean;
  confidence: number;
  evidence: Record<string, unknown>;
  /** why a version in range does no harm here: shown as a finding that is set aside, and not as one that is fixed */
  mitigation?: string;
  /** why it is not closed although something improved, or why nothing can be said */
  pending: string | null;
  /** time of the newest evidence it rests on */
  at: string;
  /** looks from outside that would complete the proof */
  needs: readonly { address: string; port: number }[];
}

/** What a check looked for before: its burning findings' components, which must get a verdict even when they are gone. */
export type Watched = (check: string) => ReadonlySet<string>;

/** The facts as CEL sees them, made once a judgement. */
export interface CelFacts {
  facts: CelValue;
  identities: CelValue;
  now: CelValue;
}

export const nameOf = endpointName;

/** Why these sections prove nothing now, or null when they are all there, whole and fresh. */
export function doubt(evidence: Evidence, sections: readonly SectionName[]): string | null {
  for (const name of sections) {
    const meta = evidence.meta[name];
    if (!meta || evidence.facts[name] === undefined) {
      return meta?.error
        ? `${name} could not be collected: ${meta.error}`
        : `${name} of this host were never collected`;
    }
    if (meta.error !== null) return `${name} could not be collected again: ${meta.error}`;
    if (Date.parse(evidence.now) - Date.parse(meta.receivedAt) > evidence.staleAfterMs) {
      return `${name} were last confirmed at ${minuteOf(meta.receivedAt)}, which is too long ago`;
    }
  }
  return null;
}

export const missing = (evidence: Evidence, sections: readonly SectionName[]): boolean =>
  sections.some((name) => evidence.facts[name] === undefined);

/** When the facts used were last confirmed: the oldest of them counts. */
export function factsTime(evidence: Evidence, sections: readonly SectionName[]): string {
  const times = sections.flatMap((name) => evidence.meta[name]?.receivedAt ?? []);
  return times.sort()[0] ?? evidence.now;
}

export function hashesOf(evidence: Evidence, sections: readonly SectionName[]): Record<string, string> {
  return Object.fromEntries(
    sections.flatMap((name) => (evidence.meta[name] ? [[name, evidence.meta[name].hash]] : [])),
  );
}
