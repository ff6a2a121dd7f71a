import type { Generated, JSONColumnType } from 'kysely';
import type { Actor } from '../../model/actor.ts';
import type {
  Claim,
  Identifier,
  IdentifierKind,
  Management,
  ScanCounts,
  ScanKind,
  ScanPace,
  ScanPath,
  ScanState,
  SourceName,
  Tags,
  Transport,
} from '../../model/estate.ts';
import type { PatrolCounts, PatrolState } from '../../model/patrol.ts';
import type { ProbeResult } from '../../model/probe.ts';
import type { OpenPort } from '../../model/site.ts';
import type { SourceCounts, SourceKind } from '../../model/source.ts';
import type { DbOrTx } from '../../platform/context.ts';

type Json<T extends object> = JSONColumnType<T, string, string>;

/** This folder's own tables; nobody else writes them. */
export type DiscoveryTables = {
  'discovery.scope': {
    id: string;
    name: string;
    cidrs: Json<string[]>;
    exclude: Json<string[]>;
    follow: Json<string[]>;
    ports: string;
    udp: Generated<string>;
    rate: number;
    subnet_rate: number;
    every: string | null;
    blackouts: Json<string[]>;
    full_every: number | null;
    agents: Generated<boolean>;
    site: Generated<string>;
    created_at: Date;
  };
  'discovery.scan': {
    id: string;
    scope_id: string | null;
    scope_name: string | null;
    kind: ScanKind;
    targets: Json<string[]>;
    resolved: Json<string[]>;
    /** names by the address that they led to */
    named: Json<Record<string, string[]>>;
    exclude: Json<string[]>;
    ports: string;
    udp: Generated<string>;
    rate: number;
    subnet_rate: number;
    confirm_wide: boolean;
    state: ScanState;
    seed: string | number;
    window_index: Generated<string | number>;
    cursor: Generated<string | number>;
    counts: Json<ScanCounts>;
    runner: string | null;
    beat_at: Date | null;
    actor: Json<Actor>;
    created_at: Date;
    started_at: Date | null;
    finished_at: Date | null;
    error: string | null;
    path: Generated<ScanPath | null>;
    path_why: Generated<string | null>;
    pace: JSONColumnType<ScanPace | null, string | null, string | null>;
    waits_until: Date | null;
    waits_for: string | null;
    site: Generated<string>;
  };
  'discovery.scan_key': { id: number; public_key: Buffer; secret_id: string; created_at: Date };
  'discovery.scanner': {
    id: string;
    site: string;
    name: string;
    version: string;
    path: ScanPath | null;
    added_at: Date;
    last_seen: Date | null;
    live_since: Date | null;
    revoked_at: Date | null;
    refusals: Generated<number>;
    refused_why: string | null;
    refused_until: Date | null;
  };
  'discovery.portion': {
    scan_id: string;
    window_index: string | number;
    scanner_id: string | null;
    lease: string | null;
    lease_until: Date | null;
    seq: Generated<number>;
    cursor: Generated<number>;
    open: JSONColumnType<OpenPort[], string | undefined, string>;
    told: Generated<number>;
    moved_at: Date | null;
    not_looked: JSONColumnType<string[], string | undefined, string>;
  };
  'discovery.site_trap': { scan_id: string; subnet: string; address: string };
  'discovery.scan_known': { scan_id: string; ranges: Json<string[]> };
  'discovery.scan_open': { scan_id: string; address: string; port: number; transport: Generated<Transport> };
  'discovery.host': {
    id: string;
    name: string;
    name_rank: number;
    claim: Claim;
    discovered_as: Claim;
    management: Management;
    tags: Json<Tags>;
    owner: string | null;
    guess: string | null;
    agent_id: string | null;
    agent_version: string | null;
    note: string | null;
    superseded_by: string | null;
    ignored_until: Date | null;
    first_seen: Date;
  };
  'discovery.presence': {
    host_id: string;
    last_seen: Date;
    offline_since: Date | null;
    counted_in: string | null;
    system: Generated<string | null>;
  };
  'discovery.address': {
    host_id: string;
    address: string;
    site: Generated<string>;
    how: 'measured' | 'claimed';
    current: boolean;
    first_seen: Date;
    last_seen: Date;
  };
  'discovery.identifier': {
    host_id: string;
    kind: IdentifierKind;
    value: string;
    listed: Generated<boolean>;
    first_seen: Date;
    last_seen: Date;
  };
  'discovery.sighting': {
    id: Generated<string>;
    host_id: string | null;
    source: SourceName;
    address: string;
    at: Date;
    until: Generated<Date | null>;
    via: string | null;
    hostname: string | null;
    identifiers: Json<Identifier[]>;
    evidence: JSONColumnType<Record<string, unknown> | null, string | null, string | null>;
    /** a digest of what it says, see `wordOf` */
    word: Generated<string | null>;
  };
  'discovery.host_source': {
    host_id: string;
    source: SourceName;
    first_seen: Date;
    last_seen: Date;
    sightings: string | number;
  };
  'discovery.decision': {
    id: Generated<string>;
    host_id: string;
    at: Date;
    kind: string;
    address: string;
    why: string;
  };
  'discovery.endpoint': {
    id: string;
    host_id: string;
    address: string;
    port: number;
    transport: Generated<Transport>;
    service: string;
    probe: JSONColumnType<ProbeResult | null, string | null, string | null>;
    probed_at: Date | null;
    last_error: string | null;
    state: 'open' | 'gone';
    via: string | null;
    misses: Generated<number>;
    missed_since: Date | null;
    first_seen: Date;
    last_seen: Date;
  };
  'discovery.endpoint_history': { id: Generated<string>; endpoint_id: string; at: Date; probe: Json<ProbeResult> };
  'discovery.to_follow': { host_id: string; address: string; reported_at: Date; begun: Generated<boolean> };
  'discovery.agent_subnet': { agent_id: string; host_id: string; block: string; site: string | null; seen_at: Date };
  'discovery.patrol': {
    id: string;
    scope_id: string | null;
    scope_name: string;
    agent_id: string;
    host_id: string;
    block: string;
    site: Generated<string>;
    ranges: Json<string[]>;
    ports: Json<number[]>;
    rate: number;
    seed: string | number;
    state: PatrolState;
    why: string;
    next_window: Generated<number>;
    counts: Json<PatrolCounts>;
    ordered_at: Date;
    until: Date;
    started_at: Date | null;
    finished_at: Date | null;
    error: string | null;
  };
  'discovery.source': {
    id: string;
    name: string;
    kind: SourceKind;
    settings: Json<Record<string, string>>;
    secret_id: string | null;
    secret_names: Json<string[]>;
    every: string | null;
    created_at: Date;
    created_by: string;
  };
  'discovery.source_run': {
    source_id: string;
    running_since: Date | null;
    last_run_at: Date | null;
    last_ok_at: Date | null;
    last_error: string | null;
    counts: JSONColumnType<SourceCounts | null, string | null, string | null>;
  };
  'discovery.source_push': { source_id: string; secret_id: string; pushed_at: Date; actor: Json<Actor> };
  'discovery.followed': { address: string; via: string; at: Date };
};

export const q = (db: DbOrTx) => db.withTables<DiscoveryTables>();
