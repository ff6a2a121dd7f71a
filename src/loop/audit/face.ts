import type { Accepted } from './store-accepted.ts';
import type { Facts, SectionName } from '../../model/facts.ts';
import type { Exposure, Finding, FindingState } from '../../model/finding.ts';
import type { Kit, Severity } from '../../model/kit.ts';
import type { Module, Tx } from '../../platform/context.ts';

export interface StoredFacts {
  hostId: string;
  sections: Partial<Facts>;
  meta: Partial<
    Record<
      SectionName,
      {
        version: number;
        hash: string;
        /** by the host's clock */
        collectedAt: string;
        /** by ours: when the content was last confirmed */
        receivedAt?: string;
        error: string | null;
      }
    >
  >;
}

/** When a host was looked at, without what was seen. */
export interface LookedAt extends Pick<StoredFacts, 'hostId' | 'meta'> {
  /** it was judged by all facts that were received until then; null: not yet */
  judgedUntil: string | null;
}

export interface FindingFilter {
  ids?: string[];
  hostId?: string | undefined;
  hostIds?: readonly string[] | undefined;
  kit?: string | undefined;
  check?: string | undefined;
  component?: string | undefined;
  exceptionId?: string | undefined;
  changeId?: string | undefined;
  advisory?: string | undefined;
  states?: readonly FindingState[] | undefined;
  severities?: readonly Severity[] | undefined;
  /** a whole id, or the end of one */
  ref?: string | undefined;
}

/** What depends on the time and on how hosts are now. */
export interface NowFilter {
  overdue?: boolean | undefined;
  stale?: boolean | undefined;
  drift?: boolean | undefined;
  owner?: string | undefined;
}

export interface LoadedKit {
  kit: Kit;
  /** SHA-256 of the canonical JSON of the kit */
  digest: string;
}

export interface HeldKey {
  hostId: string;
  path: string;
  spki: string;
}

export interface Audit extends Module {
  facts(hostId: string): Promise<StoredFacts>;
  /** of several hosts at once, of these sections only; hosts that nothing is known of are left out */
  factsOf(hostIds: readonly string[], names: readonly SectionName[]): Promise<StoredFacts[]>;
  /** the same without what the sections hold, which is dear to read */
  lookedAt(hostIds: readonly string[], names: readonly SectionName[]): Promise<LookedAt[]>;
  kits(): LoadedKit[];
  kit(id: string): LoadedKit | null;
  findings(filter?: FindingFilter): Promise<Finding[]>;
  /** by exception: findings that it keeps out of the fire, and those it did that are closed */
  coveredByExceptions(): Promise<Map<string, { now: number; gone: number }>>;
  /** Does any feed say, or did it say, something of it? */
  knowsAdvisory(advisory: string): Promise<boolean>;
  /** The CVEs under which alone an erratum is listed; empty: it is listed by its own name, or nowhere. */
  listedUnder(advisory: string): Promise<string[]>;
  /** Takes in or changes an exception for an advisory: its clock stops there. False: nothing is other than before. */
  acceptAdvisory(tx: Tx, accepted: Accepted): Promise<boolean>;
  acceptNoMore(tx: Tx, exceptionId: string): Promise<void>;
  exposures(filter?: { kit?: string; hostId?: string }): Promise<Exposure[]>;
  /** those of these certificates (fingerprints) that their authorities say are revoked, as far as they were asked */
  revokedAmong(fingerprints: readonly string[]): Promise<ReadonlySet<string>>;
  /** files of these hosts that hold or held one of these keys, as far as anybody remembers */
  filesThatHeld(hostIds: readonly string[], spkis: readonly string[]): Promise<HeldKey[]>;
  /** Moves findings between open / planned / excepted. Never to fixed: only fresh facts do that. */
  setFindingState(
    tx: Tx,
    findingIds: string[],
    state: 'open' | 'planned' | 'excepted',
    link: { changeId?: string | null; exceptionId?: string | null },
  ): Promise<void>;
  /** Asks the host's agent to collect and send facts now; the agent's next poll carries it. */
  requestFacts(tx: Tx, hostId: string): Promise<void>;
  /** Is a request waiting? Clears it. Used by the agents' task poll. */
  takeFactsRequest(hostId: string): Promise<boolean>;
  /** Judges all kits on the host (facts + its endpoints' last probes) now, with a look from outside where only that is missing. */
  auditHost(hostId: string): Promise<void>;
}
