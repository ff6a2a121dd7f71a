import * as z from 'zod';
import { DeviceGuess } from './guess.ts';
import { Instant } from './json.ts';
import { ScanPath } from './scan-path.ts';
import { ProbeResult } from './probe.ts';
import { SourceKind } from './source-kind.ts';

export const Tags = z.record(z.string().regex(/^[a-z0-9_.-]{1,40}$/), z.string().max(120));
export type Tags = z.infer<typeof Tags>;

/** What may be discovered. `follow` widens where peers and neighbours that agents report may be probed; empty = never. */
export const Scope = z.object({
  id: z.string(),
  name: z.string(),
  cidrs: z.array(z.string()),
  exclude: z.array(z.string()),
  follow: z.array(z.string()),
  ports: z.string(),
  /** UDP ports that are asked: `none`, `default` or a list */
  udp: z.string(),
  /** new connections per second, at most */
  rate: z.number().int().positive(),
  /** of these, to one /24 (IPv6: /64) */
  subnetRate: z.number().int().positive(),
  /** cron expression, or null: only by hand */
  every: z.string().nullable(),
  /** when nothing in it is scanned, such as `mon-fri 08:00-18:00 Europe/Berlin` */
  blackouts: z.array(z.string()),
  /** days between two full walks; known addresses are looked at in between. null: each time, or weekly where it takes long */
  fullEvery: z.number().int().positive().nullable(),
  /** agents whose own subnets lie in here look around in them */
  agents: z.boolean(),
  /** who looks: `local` is the server, any other name the scanners of that site */
  site: z.string(),
  createdAt: Instant,
});
export type Scope = z.infer<typeof Scope>;

export const ScanState = z.enum(['queued', 'running', 'paused', 'done', 'cancelled', 'failed']);
export type ScanState = z.infer<typeof ScanState>;

export const ScanCounts = z.object({
  targets: z.number().int(),
  done: z.number().int(),
  open: z.number().int(),
  newHosts: z.number().int(),
  changed: z.number().int(),
  offline: z.number().int(),
  back: z.number().int(),
  unchanged: z.number().int(),
  /** addresses that accept everything and say nothing, many in one subnet: something answers for it, and they are no hosts */
  bogus: z.number().int().optional(),
});
export type ScanCounts = z.infer<typeof ScanCounts>;

export { ScanPath };

/** How fast a scan goes within what it may, a second. */
export const ScanPace = z.object({
  /** new connections */
  asked: z.number(),
  now: z.number(),
  /** why it is as it is */
  why: z.string(),
  /** pairs of address and port done; null: too early to tell */
  done: z.number().nullable(),
});
export type ScanPace = z.infer<typeof ScanPace>;

const Span = z.object({ least: z.number(), most: z.number() });
/** What a scan costs: `least` where every port refuses at once, `most` where nobody answers. */
export const ScanEstimate = z.object({
  /** after exclusions */
  addresses: z.number(),
  excluded: z.number(),
  ports: z.number().int(),
  /** UDP ports */
  udp: z.number().int(),
  /** of address and port */
  pairs: z.number(),
  /** addresses that are asked by ICMP where no port is open, at most; 0: nobody is asked from here */
  echoes: z.number(),
  /** new connections a second that it can come to, with the rate of each subnet */
  rate: z.number(),
  packets: Span,
  /** sent */
  bytes: Span,
  seconds: Span,
});
export type ScanEstimate = z.infer<typeof ScanEstimate>;

/** `known`: only addresses where a host is known; empty space was not looked at. */
export const ScanKind = z.enum(['full', 'known']);
export type ScanKind = z.infer<typeof ScanKind>;

export const Scan = z.object({
  id: z.string(),
  scopeId: z.string().nullable(),
  kind: ScanKind,
  targets: z.array(z.string()),
  ports: z.string(),
  udp: z.string(),
  state: ScanState,
  counts: ScanCounts,
  startedAt: Instant.nullable(),
  finishedAt: Instant.nullable(),
  error: z.string().nullable(),
  /** null: not begun yet */
  path: ScanPath.nullable(),
  /** why that one and no faster one */
  pathWhy: z.string().nullable(),
  /** null: not begun yet */
  pace: ScanPace.nullable(),
  /** of a running scan, at its present speed; null: not running, or too early to tell */
  secondsLeft: z.number().nullable(),
  /** a blackout is on; it goes on by itself then. null: it does not wait */
  waitsUntil: Instant.nullable(),
  /** whose blackout it is */
  waitsFor: z.string().nullable(),
  site: z.string(),
  /** why it does not get on: no scanner of its site calls; null: one does */
  siteWhy: z.string().nullable(),
});
export type Scan = z.infer<typeof Scan>;

/**
 * Strong identifiers, strongest first. `inventory-id` is what a list calls the machine; it contradicts nothing. `address`
 * is the weakest and never merges two hosts by itself.
 */
export const IdentifierKind = z.enum([
  'agent-key',
  'cloud-id',
  'machine-id',
  'ssh-host-key',
  'tls-key',
  'mac',
  'inventory-id',
  'address',
]);
export type IdentifierKind = z.infer<typeof IdentifierKind>;
export const Identifier = z.object({ kind: IdentifierKind, value: z.string() });
export type Identifier = z.infer<typeof Identifier>;

/** Where a sighting came from. */
export const SourceName = z.enum(['scan', 'peer', 'neighbour', 'agent', 'agent-scan', 'import', ...SourceKind.options]);
export type SourceName = z.infer<typeof SourceName>;

/** One source saw one address at one time. */
export const Sighting = z.object({
  source: SourceName,
  address: z.string(),
  at: Instant,
  identifiers: z.array(Identifier),
  /** who told us, for `peer`, `neighbour` and `agent-scan`: a host id */
  via: z.string().optional(),
  /** where it was seen from; without one, from here */
  site: z.string().optional(),
  hostname: z.string().optional(),
  /** sightings of one batch with the same one are the same machine, by the source's word */
  record: z.string().optional(),
  evidence: z.record(z.string(), z.unknown()).optional(),
});
export type Sighting = z.infer<typeof Sighting>;

/** `known`: somebody claimed it (or it was on an imported list). `ignored`: looked at and set aside, with a reason. */
export const Claim = z.enum(['unknown', 'known', 'ignored']);
export type Claim = z.infer<typeof Claim>;
/** `unmanageable`: a deployment was tried and refused; `lost`: its agent stopped reporting. */
export const Management = z.enum(['unmanaged', 'managed', 'lost', 'unmanageable']);
export type Management = z.infer<typeof Management>;

export const Transport = z.enum(['tcp', 'udp']);
export type Transport = z.infer<typeof Transport>;

export const Endpoint = z.object({
  id: z.string(),
  hostId: z.string(),
  address: z.string(),
  port: z.number().int(),
  transport: Transport,
  service: z.string(),
  /** null: open, but never probed successfully */
  probe: ProbeResult.nullable(),
  /** when `probe` was taken; a failed probe keeps the last result and its time (row 1.8) */
  probedAt: Instant.nullable(),
  lastError: z.string().nullable(),
  state: z.enum(['open', 'gone']),
  /** only the agent on this host has seen it (a host id); the server itself has not */
  via: z.string().nullable().optional(),
  firstSeen: Instant,
  lastSeen: Instant,
});
export type Endpoint = z.infer<typeof Endpoint>;

/** An address that is several machines' in turn. */
export const SharedAddress = z.object({
  address: z.string(),
  /** `vip`: it moves between them; `load-balancer`: something in front of them answers */
  kind: z.enum(['vip', 'load-balancer']),
  /** ids of the machines that were shown there, and of those that serve its TLS key */
  members: z.array(z.string()),
  why: z.string(),
});
export type SharedAddress = z.infer<typeof SharedAddress>;

export const Host = z.object({
  id: z.string(),
  /** best name we know: hostname, else DNS or certificate name, else the address */
  name: z.string(),
  addresses: z.array(z.string()),
  identifiers: z.array(Identifier),
  claim: Claim,
  management: Management,
  tags: Tags,
  owner: z.string().nullable(),
  guess: z.string().nullable(),
  sources: z.array(SourceName),
  agentId: z.string().nullable(),
  agentVersion: z.string().nullable(),
  firstSeen: Instant,
  lastSeen: Instant,
  /** knowledge state at the time of discovery: nobody had listed it */
  discoveredAs: Claim,
  note: z.string().nullable(),
  /** `offline`: the last scan of its addresses found nothing there; `superseded`: another record took its place */
  presence: z.enum(['up', 'offline', 'superseded']).optional(),
  supersededBy: z.string().nullable().optional(),
  /** `ignored`: when it is to be looked at again; null: never */
  ignoredUntil: Instant.nullable().optional(),
  /** it is no machine but an address that several have */
  shared: SharedAddress.optional(),
});
export type Host = z.infer<typeof Host>;

/** One decision of reconciliation about a host: why a sighting is this machine. */
export const IdentityDecision = z.object({
  at: Instant,
  kind: z.string(),
  address: z.string(),
  why: z.string(),
});
export type IdentityDecision = z.infer<typeof IdentityDecision>;

/** Machines of the estate, in numbers. */
export const HostCounts = z.object({
  total: z.number().int(),
  /** nobody claimed them */
  unknown: z.number().int(),
  managed: z.number().int(),
  lost: z.number().int(),
});
export type HostCounts = z.infer<typeof HostCounts>;

export const HostDetail = z.object({
  host: Host,
  endpoints: z.array(Endpoint),
  why: z.array(IdentityDecision),
  /** what it probably is, how surely, and why we think so */
  device: DeviceGuess,
});
export type HostDetail = z.infer<typeof HostDetail>;

/** What each source contributes; `only` = hosts that no other source has seen. */
export const SourceStats = z.object({
  source: SourceName,
  sightings: z.number().int(),
  hosts: z.number().int(),
  only: z.number().int(),
  lastSeen: Instant,
});
export type SourceStats = z.infer<typeof SourceStats>;
