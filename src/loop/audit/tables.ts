import type { ColumnType, Generated, JSONColumnType } from 'kysely';
import type { FeedKind } from '../../model/feed.ts';
import type { Tally } from '../../model/compliance.ts';
import type { Exposure, Finding, FindingState, Verdict } from '../../model/finding.ts';
import type { Json } from '../../model/json.ts';
import type { Kit, Severity } from '../../model/kit.ts';
import type { Profile } from '../../model/policy.ts';
import type { Signal, Statement } from '../../model/statement.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { jsonText } from '../../platform/db/json-text.ts';
import type { Closed } from './logic/cause.ts';
import type { Mark } from './logic/verdicts.ts';
import type { KeyCertificate, KeyPlace } from './logic/radar.ts';

type Document<T extends object | null> = JSONColumnType<T>;

export type AuditTables = {
  'audit.section_content': {
    name: string;
    hash: string;
    data: Document<object>;
    first_seen: Date;
    /** of packages only */
    ecosystems: string[] | null;
  };
  'audit.section': {
    host_id: string;
    name: string;
    hash: string | null;
    version: number;
    collected_at: Date;
    received_at: Date;
    error: string | null;
  };
  /** when each host that was ever heard from inside said last how it is */
  'audit.host_report': { host_id: string; reported_at: Date };
  'audit.section_history': { host_id: string; name: string; hash: string; at: Date };
  'audit.orphan': { host_id: string; pid: number; started_at: string; packages: string[] };
  'audit.facts_request': { host_id: string; asked_at: Date };
  'audit.kit': { digest: string; kit: string; version: string; body: Document<Kit>; loaded_at: Date };
  'audit.installed_kit': {
    kit: string;
    version: string;
    digest: string;
    text: string;
    signed_by: string | null;
    installed_at: Date;
    installed_by: string;
  };
  'audit.feed': {
    name: string;
    kind: FeedKind;
    url: string | null;
    settings: Document<Record<string, string>>;
    created_at: Date;
    created_by: string;
  };
  'audit.feed_state': {
    feed: string;
    tried_at: Date;
    ok_at: Date | null;
    error: string | null;
    etag: string | null;
    feed_time: Date | null;
    digest: string | null;
    cursor: string | null;
    statements: Generated<number>;
    signals: Generated<number>;
  };
  'audit.statement': {
    feed: string;
    key: string;
    ecosystem: string;
    name: string;
    ids: string[];
    body: Document<Statement>;
    digest: string;
    feed_time: Date;
    /** as statements are compared with packages */
    called: ColumnType<string, never, never>;
  };
  'audit.statement_history': {
    id: Generated<string>;
    feed: string;
    key: string;
    body: Document<Statement>;
    feed_time: Date;
    until: Date;
  };
  'audit.signal': { feed: string; cve: string; kind: Signal['kind']; body: Document<Signal>; digest: string };
  'audit.package': {
    id: Generated<number>;
    digest: string;
    ecosystem: string;
    release: string | null;
    name: string;
    version: string;
    source: string;
    source_version: string;
    stream: string | null;
    is_foreign: boolean;
    is_library: boolean;
    kernel: string;
    as_source: string;
    as_binary: string;
  };
  'audit.package_list': { id: Generated<number>; key: string; section: string; hash: string; packages: number[] };
  'audit.host_list': { host_id: string; section: string; list_id: number; since: Date; until: Date | null };
  'audit.host_system': {
    host_id: string;
    ecosystems: string[];
    version_id: string | null;
    unread: number | null;
    listens: string[];
    peers: Generated<number>;
    important: Generated<boolean>;
    use_id: number | null;
    reached: Generated<string[]>;
    reached_at: Date | null;
  };
  'audit.vulnerability': {
    advisory: string;
    aliases: string[];
    severity: Severity | 'unknown';
    /** the advisory, told of under this one, whose word that is */
    severity_by: string | null;
    sources: string[];
    packages: number;
    hosts: number;
    listening: number;
    reached: Generated<number>;
    reached_from: Generated<string[]>;
    reached_at: Date | null;
    important: number;
    peers: number;
    fixable: boolean;
    exploited: Generated<boolean>;
    ransomware: Generated<boolean>;
    epss: number | null;
    priority: Generated<number>;
    due_at: Generated<Date | null>;
    /** hosts on which it is overdue, as of when they were counted; null: they were not since its clocks changed */
    overdue_hosts: Generated<number | null>;
    overdue_counted_at: Generated<Date | null>;
    /** since when a job counts them; null: none does, or its clocks changed since */
    overdue_turn: Generated<Date | null>;
    /** names by which it can be accepted, in capitals */
    answers_to: Generated<string[]>;
  };
  'audit.host_term': { host_id: string; severity: Severity; days: number };
  'audit.due_again': { host_id: string };
  'audit.accepted': {
    exception_id: string;
    advisory: string;
    hosts: string[] | null;
    until: Date;
    reason: string | null;
    control: string | null;
    accepted_at: Date | null;
  };
  'audit.judged': { host_id: string; at: Date; facts_at: Date | null; probed_at: Date | null; kits: string };
  'audit.finding': {
    id: string;
    host_id: string;
    endpoint_id: string | null;
    endpoint: string | null;
    kit: string;
    check_id: string;
    component: string;
    state: FindingState;
    opened_at: Date;
    closed_at: Date | null;
    close_reason: string | null;
    clock_at: Date | null;
    rekindled_at: Date | null;
    rekindle_cause: string | null;
    cause_rank: number | null;
    closed_with: Document<Closed | null>;
    exception_id: string | null;
    change_id: string | null;
  };
  'audit.finding_look': {
    finding_id: string;
    host_name: string;
    component: string;
    kit_version: string;
    advisories: Document<string[]>;
    severity: Severity;
    confidence: number;
    title: string;
    evidence: Document<Finding['evidence']>;
    pending: string | null;
    last_seen_at: Date;
    sla_days: number | null;
    due_at: Generated<Date | null>;
  };
  'audit.profile': { name: string; body: Document<Profile> };
  'audit.policy': { name: string; profile: string; hosts: string };
  'audit.verdict_set': { digest: string; kit: string; marks: Document<Record<string, Verdict>> };
  'audit.verdict': {
    host_id: string;
    kit: string;
    digest: string;
    detail: Document<Record<string, Mark>>;
    drifted: string[];
    changed_at: Date;
  };
  'audit.compliance_day': { day: string; dimension: string; name: string; tally: Document<Tally> };
  'audit.exposure': {
    id: string;
    kit: string;
    host_id: string;
    endpoint_id: string;
    endpoint: string;
    spki: string;
    serial: string;
    issuer: string;
    fingerprint: string;
    crl_urls: Document<string[]>;
    cause: Exposure['cause'];
    via: string | null;
    opened_at: Date;
  };
  'audit.certificate_status': {
    fingerprint: string;
    spki: string;
    pem: string;
    issuer_pem: string | null;
    chain: Generated<string[]>;
    crl_urls: string[];
    ocsp_urls: string[];
    status: Generated<'good' | 'revoked' | 'unknown'>;
    source: string | null;
    as_of: Date | null;
    until: Date | null;
    why: string | null;
    failures: Generated<number>;
    asked_at: Date | null;
    next_at: Date;
    served_at: Date;
  };
  'audit.key': {
    host_id: string;
    host_name: string;
    kind: KeyPlace['kind'];
    place: string;
    spki: string;
    endpoint_id: string | null;
    certificate: Document<KeyCertificate | null>;
    since: Date | null;
    holds: ColumnType<boolean, never, never>;
  };
};

export const q = (db: DbOrTx) => db.withTables<AuditTables>();

/** What ledger entries may hold: nothing undefined. */
export const plainJson = (value: unknown): Json => JSON.parse(jsonText(value)) as Json;
