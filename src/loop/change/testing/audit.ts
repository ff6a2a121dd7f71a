import type { Facts } from '../../../model/facts.ts';
import type { Exposure, Finding } from '../../../model/finding.ts';
import type { Audit, HeldKey, LoadedKit, LookedAt, StoredFacts } from '../../audit/index.ts';

/** Audit without its judging: facts, findings and exposures are what the test says. Everything else is as its face promises. */
export class FakeAudit implements Audit {
  readonly all = new Map<string, Finding>();
  readonly exposed: Exposure[] = [];
  readonly #facts = new Map<string, StoredFacts>();
  readonly #requested = new Set<string>();
  readonly #kits: LoadedKit[];
  /** what a fresh judgement finds; tests set it */
  judge: (hostId: string) => Promise<void> = async () => undefined;
  routes = [];
  agentRoutes = [];
  jobs = {};
  schedules = [];

  constructor(kits: LoadedKit[]) {
    this.#kits = kits;
  }

  setFacts(hostId: string, sections: Partial<Facts>, collectedAt = new Date().toISOString()): void {
    const meta = { version: 1, hash: '0'.repeat(64), collectedAt, receivedAt: collectedAt, error: null };
    const names = Object.keys(sections) as (keyof Facts)[];
    this.#facts.set(hostId, { hostId, sections, meta: Object.fromEntries(names.map((name) => [name, meta])) });
  }
  async factsOf(hostIds: readonly string[], names: readonly (keyof Facts)[]): Promise<StoredFacts[]> {
    return hostIds.flatMap((hostId) => {
      const all = this.#facts.get(hostId);
      if (!all) return [];
      const of = <T extends object>(from: T): T =>
        Object.fromEntries(Object.entries(from).filter(([name]) => (names as readonly string[]).includes(name))) as T;
      return [{ hostId, sections: of(all.sections), meta: of(all.meta) }];
    });
  }

  /** Who judges here writes nothing down. */
  async lookedAt(hostIds: readonly string[], names: readonly (keyof Facts)[]): Promise<LookedAt[]> {
    return (await this.factsOf(hostIds, names)).map(({ hostId, meta }) => ({ hostId, meta, judgedUntil: null }));
  }

  async knowsAdvisory(): Promise<boolean> {
    return false;
  }
  async listedUnder(): Promise<string[]> {
    return [];
  }
  async acceptAdvisory(): Promise<boolean> {
    return false;
  }
  async acceptNoMore(): Promise<void> {
    return undefined;
  }
  async facts(hostId: string): Promise<StoredFacts> {
    return this.#facts.get(hostId) ?? { hostId, sections: {}, meta: {} };
  }
  /** fingerprints that an authority says are revoked */
  readonly revoked = new Set<string>();
  async revokedAmong(fingerprints: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(fingerprints.filter((one) => this.revoked.has(one)));
  }
  kits(): LoadedKit[] {
    return this.#kits;
  }
  kit(id: string): LoadedKit | null {
    return this.#kits.find((one) => one.kit.kit === id) ?? null;
  }
  async findings(filter: Parameters<Audit['findings']>[0] = {}): Promise<Finding[]> {
    const { ids, hostId, kit, check, states } = filter;
    return [...this.all.values()]
      .filter((one) => !ids || ids.includes(one.id))
      .filter((one) => !hostId || one.hostId === hostId)
      .filter((one) => !kit || one.kit === kit)
      .filter((one) => !check || one.check === check)
      .filter((one) => !states || states.includes(one.state));
  }
  async exposures(filter: { kit?: string; hostId?: string } = {}): Promise<Exposure[]> {
    return this.exposed
      .filter((one) => !filter.kit || one.kit === filter.kit)
      .filter((one) => !filter.hostId || one.hostId === filter.hostId);
  }
  coveredByExceptions: Audit['coveredByExceptions'] = async () => new Map();
  readonly held: HeldKey[] = [];
  async filesThatHeld(hostIds: readonly string[], spkis: readonly string[]): Promise<HeldKey[]> {
    const now = hostIds.flatMap((hostId) =>
      (this.#facts.get(hostId)?.sections.certificates ?? []).map(({ path, spki }) => ({ hostId, path, spki })),
    );
    return [...this.held, ...now].filter((one) => hostIds.includes(one.hostId) && spkis.includes(one.spki));
  }
  setFindingState: Audit['setFindingState'] = async (_tx, ids, state, link) => {
    for (const id of ids) {
      const finding = this.all.get(id)!;
      this.all.set(id, { ...finding, state, changeId: link.changeId ?? null });
    }
  };
  requestFacts: Audit['requestFacts'] = async (tx, hostId) => {
    this.#requested.add(hostId);
    await tx.publish('tasks', { hostId });
  };
  async takeFactsRequest(hostId: string): Promise<boolean> {
    return this.#requested.delete(hostId);
  }
  auditHost(hostId: string): Promise<void> {
    return this.judge(hostId);
  }
}
