export type { Left } from '../../../model/change.ts';
import type { Facts } from '../../../model/facts.ts';
import type { Finding } from '../../../model/finding.ts';
import type { Impact } from '../../../model/impact.ts';
import type { Kit } from '../../../model/kit.ts';

/** All that the planner knows. It looks at nothing else, so that the same inputs give the same bytes. */
export interface PlannerInput {
  kit: Kit;
  kitDigest: string;
  hosts: readonly PlannedHost[];
  /** certificate (issuer and serial) → listeners anywhere that were last seen to serve it, as `address:port` */
  holders: Readonly<Record<string, readonly string[]>>;
  /** files with a burnt private key, wherever they lie */
  copies: readonly { hostId: string; hostName: string; path: string }[];
  /** does the kit call this version of this package affected? */
  isAffected: (fact: { ecosystem: string; source: string }, version: string) => boolean;
}

export interface PlannedHost {
  id: string;
  name: string;
  taskId: string;
  /** its agent, or its access over SSH; null: nobody there to carry out a task */
  agentId: string | null;
  over?: 'ssh';
  /** why there is nobody, where that is not plain */
  whyNobody?: string;
  /** its tag `role`: hosts with the same one stand in for each other */
  role?: string;
  facts: Partial<Facts>;
  findings: readonly Finding[];
  listeners: readonly PlannedListener[];
}

export interface PlannedListener {
  endpointId: string;
  address: string;
  port: number;
  verdict: 'vulnerable' | 'safe' | 'unknown';
  served: ServedCertificate | null;
  burnt: readonly BurntCertificate[];
  /** its sessions were invalidated since the key was burnt */
  sessionsDone: boolean;
}

export interface AuthorityName {
  name: string;
  issuerSpki: string;
}
export interface ServedCertificate {
  spki: string;
  serial: string;
  issuer: string;
  names: readonly string[];
  crlUrl: string | null;
  /** the configured authority that issued it */
  authority: AuthorityName | null;
}
export interface BurntCertificate {
  spki: string;
  serial: string;
  issuer: string;
  crlUrl: string | null;
  authority: AuthorityName | null;
  revoked: boolean;
  /** seen in the revocation list */
  seen: boolean;
}

/** What makes a plan out of tasks; chosen by the caller, never by the planner. */
export interface PlanFrame {
  changeId: string;
  author: string;
  nonce: string;
  notBefore: string;
  notAfter: string;
  approvalsRequired: number;
  abortAfterFailures: number;
  impact: Impact;
}

export const certificateKey = (certificate: { issuer: string; serial: string }): string =>
  `${certificate.issuer}\n${normalSerial(certificate.serial)}`;

/** Upper-case hex without leading zeros. */
export function normalSerial(serial: string): string {
  return serial
    .replaceAll(':', '')
    .replace(/^0+(?=.)/, '')
    .toUpperCase();
}
