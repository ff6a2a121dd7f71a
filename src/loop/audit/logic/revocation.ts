import type { CertificateInfo, Revocation, TlsSeen } from '../../../model/probe.ts';

/** What is known of a certificate from those who can revoke it. */
export interface Status {
  status: Revocation['status'];
  /** who said so */
  source: string | null;
  /** when that was true, and until when it holds */
  asOf: Date | null;
  until: Date | null;
  /** what came of the last question, where it was no answer */
  why: string | null;
  failures: number;
  askedAt: Date | null;
}

export interface Answer {
  status: 'good' | 'revoked';
  source: string;
  asOf: Date;
  until: Date;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const FIRST_RETRY_MS = 10 * 60_000;
const MOST_DOUBLINGS = 7;

/** An older answer than the one that we have changes nothing: whoever is on the way may have kept it. */
export function afterAsking(before: Status, said: Answer | { why: string }, now: Date): Status {
  if ('why' in said) return { ...before, why: said.why, failures: before.failures + 1, askedAt: now };
  const heard = { why: null, failures: 0, askedAt: now };
  const asOf = before.asOf?.getTime() ?? 0;
  const isOlder = said.asOf.getTime() < asOf || (said.asOf.getTime() === asOf && before.status === 'revoked');
  return isOlder ? { ...before, ...heard } : { ...said, ...heard };
}

/** When the answer runs out, but every day, since a revocation is not announced; failures are tried again ever more seldom. */
export function nextAsk({ until, failures }: Status, now: Date): Date {
  if (failures > 0) return new Date(now.getTime() + FIRST_RETRY_MS * 2 ** Math.min(failures - 1, MOST_DOUBLINGS));
  const wait = Math.min(Math.max((until?.getTime() ?? 0) - now.getTime(), HOUR_MS), DAY_MS);
  return new Date(now.getTime() + wait);
}

/** Revoked stays; good has to be said again in time. */
export function standing(known: Status, now: Date): Revocation {
  const { status, source, asOf, until } = known;
  const holds = status === 'revoked' || (status === 'good' && until !== null && until >= now);
  if (holds && asOf) return { status, source: source ?? 'its authority', checkedAt: asOf.toISOString() };
  const why = known.why ?? (known.askedAt ? 'the last answer has run out' : 'its authority was not asked yet');
  return { status: 'unknown', source: why, checkedAt: (known.askedAt ?? now).toISOString() };
}

/** Of what was shown beside a certificate and what its authority said, what is later; not knowing counts least. */
export function together(shown: Revocation | undefined, asked: Revocation | undefined): Revocation | undefined {
  const definite = [asked, shown].filter((one) => one !== undefined && one.status !== 'unknown') as Revocation[];
  const [first, second] = definite;
  if (!first || !second) return first ?? asked ?? shown;
  if (first.checkedAt === second.checkedAt) return first.status === 'revoked' ? first : second;
  return first.checkedAt > second.checkedAt ? first : second;
}

/** By the fingerprint of a certificate. */
export type Asked = ReadonlyMap<string, Revocation>;

/** With what its authority says beside each certificate. */
export function withAsked(tls: TlsSeen | null, asked: Asked | undefined): TlsSeen | null {
  if (!tls || !asked) return tls;
  const of = ([leaf]: readonly CertificateInfo[]): Revocation | undefined => leaf && asked.get(leaf.fingerprint);
  const own = together(tls.revocation, of(tls.chain));
  const named = tls.named?.map((one) => {
    const revocation = of(one.chain);
    return revocation ? { ...one, revocation } : one;
  });
  return { ...tls, ...(own ? { revocation: own } : {}), ...(named ? { named } : {}) };
}
