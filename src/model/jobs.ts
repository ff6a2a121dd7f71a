/**
 * Job name → payload: the one typed map. Payloads carry ids only. A name that is not here does not compile.
 * Folders listen to what happens left of them through these, never by import.
 */
export interface Jobs {
  'discovery.scan': { scanId: string };
  'discovery.schedule': Record<never, never>;
  /** probe the peers and neighbours that this host's agent reported, where a scope's `follow` allows */
  'discovery.follow': { hostId: string };
  /** ask a source (a cloud, a zone, a list) about machines */
  'discovery.source': { sourceId: string };
  /** remove history that is older than it has to be kept */
  'discovery.retention': Record<never, never>;
  /** try the probes of today on what was kept of unknown services */
  'discovery.rematch': Record<never, never>;
  'enrollment.deploy': { deploymentId: string };
  'enrollment.lost-agents': Record<never, never>;
  /** let rules ask for deployments, and go on with those whose time has come */
  'enrollment.tick': Record<never, never>;
  /** facts, identity or what is seen of a host from outside changed: judge all kits on it */
  'audit.host': { hostId: string };
  /** look at a host without an agent over SSH, and take its facts */
  'audit.collect': { hostId: string };
  'audit.collect-due': Record<never, never>;
  'audit.sweep': Record<never, never>;
  /** fetch a feed of advisories, and take what is new in it */
  'audit.feed': { feed: string };
  'audit.feeds-due': Record<never, never>;
  /** count again the hosts of what changed among vulnerabilities */
  'audit.recount': Record<never, never>;
  /** the score of the day, brought up to date */
  'audit.compliance': Record<never, never>;
  /** ask the authorities of served certificates whether they are revoked, those whose time has come */
  'audit.revocations': Record<never, never>;
  /** remove facts that are older than they have to be kept */
  'audit.retention': Record<never, never>;
  'impact.connections': { hostId: string };
  'impact.expire': Record<never, never>;
  /** move one change on as far as it can go now; also run by timer */
  'change.advance': { changeId: string };
  'change.tick': Record<never, never>;
  /** carry out what is approved on a host without an agent, over SSH */
  'change.over-ssh': { hostId: string };
  /** something that a campaign counts changed */
  'change.campaign': { kit: string };
  'trail.sequence': Record<never, never>;
  /** make and send the messages that are due */
  'trail.notify': Record<never, never>;
  /** render the documents of a subject again */
  'trail.document': { kind: string; id: string };
}
export type JobName = keyof Jobs;

/** The same names at run time; a missing or unknown one does not compile. */
const NAMES: Record<JobName, true> = {
  'discovery.scan': true,
  'discovery.schedule': true,
  'discovery.follow': true,
  'discovery.source': true,
  'discovery.retention': true,
  'discovery.rematch': true,
  'enrollment.deploy': true,
  'enrollment.lost-agents': true,
  'enrollment.tick': true,
  'audit.host': true,
  'audit.collect': true,
  'audit.collect-due': true,
  'audit.sweep': true,
  'audit.feed': true,
  'audit.feeds-due': true,
  'audit.recount': true,
  'audit.compliance': true,
  'audit.retention': true,
  'audit.revocations': true,
  'impact.connections': true,
  'impact.expire': true,
  'change.advance': true,
  'change.tick': true,
  'change.over-ssh': true,
  'change.campaign': true,
  'trail.sequence': true,
  'trail.notify': true,
  'trail.document': true,
};
export const JOB_NAMES = Object.keys(NAMES) as JobName[];

/** Jobs that wait for other machines most of the time: more of them at once than of those that compute. */
export const PATIENT_JOBS: ReadonlySet<JobName> = new Set<JobName>([
  'audit.collect',
  'audit.revocations',
  'change.over-ssh',
  'discovery.source',
  'trail.notify',
]);
