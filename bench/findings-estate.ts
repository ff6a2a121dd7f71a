import { sql } from 'kysely';
import { systemActor } from '../src/model/actor.ts';
import type { RunningPlatform } from '../src/platform/index.ts';

/** Of each hundred hosts. */
const [STALE, DRIFTED, UNOWNED] = [2, 1, 5];
const OWNERS = 500;
const [KITS, CHECKS] = [8, 10];
const SECTIONS = ['os', 'kernel', 'processes', 'services', 'settings', 'sockets', 'users', 'certificates'];
/** So many advisories, of which each finding names one. */
export const ADVISORIES = 300;

/** Hosts with what is told of them and found on them, at most a day old but for those that report no longer. */
export async function fillFindings(platform: RunningPlatform, ids: readonly string[], perHost: number): Promise<void> {
  const hosts = ids.length;
  const actor = systemActor('bench');
  const hostsIn = sql`unnest(${ids}::text[]) with ordinality as h (id, n)`;
  const now = platform.now();
  await platform.act(
    actor,
    { type: 'audit.findings.opened', subject: { kind: 'kit', id: 'bench' } },
    async ({ db }) => {
      await sql`update discovery.host d set tags = jsonb_build_object('owner', 'team-' || h.n % ${OWNERS}::integer)
      from ${hostsIn} where d.id = h.id and h.n % 100 >= ${UNOWNED}::integer`.execute(db);
      await sql`insert into audit.section_content (name, hash, data, first_seen)
      select name, name, '{}', ${now} from unnest(${SECTIONS}::text[]) s (name)`.execute(db);
      await sql`insert into audit.section (host_id, name, hash, version, collected_at, received_at)
      select h.id, s.name, s.name, 1, r.at, r.at from ${hostsIn} cross join lateral (select ${now}::timestamptz
        - case when (h.n * 31) % 100 < ${STALE}::integer then interval '40 days' else interval '1 minute' * (h.n % 700) end as at) r
      cross join unnest(${SECTIONS}::text[]) s (name)`.execute(db);
      await sql`insert into audit.host_report (host_id, reported_at)
      select host_id, max(received_at) from audit.section where hash is not null group by host_id`.execute(db);
      await sql`insert into audit.finding (id, host_id, kit, check_id, component, state, opened_at, rekindled_at, closed_at)
      select 'finding_' || lpad(to_hex(i), 26, '0'), h.id, 'kit-' || i * 7 % ${KITS}::integer, 'check-' || i * 13 % ${CHECKS}::integer,
        'part', (array['open', 'open', 'open', 'open', 'planned', 'rekindled', 'excepted', 'fixed', 'fixed', 'fixed'])[1 + (i * 17 % 10)],
        ${now}::timestamptz - interval '1 hour' * (i * 37 % 2000), null, null
      from generate_series(1, ${Math.round(hosts * perHost)}::integer) i join ${hostsIn} on h.n = 1 + i * 11 % ${hosts}::integer`.execute(
        db,
      );
      await sql`insert into audit.finding_look (finding_id, host_name, component, kit_version, advisories, severity, confidence,
        title, evidence, pending, last_seen_at, sla_days, due_at)
      select f.id, f.host_id, 'part', '1.0.0', jsonb_build_array('CVE-2026-' || 10000 + f.n * 19 % ${ADVISORIES}::integer),
        (array['low', 'medium', 'high', 'critical'])[1 + f.n * 23 % 4], 0.9, 'What the check of this kit says where it fails',
        jsonb_build_object('facts', jsonb_build_object('packages', md5(f.id), 'processes', md5(f.host_id)), 'installed', 'lib 1.2.3-4',
          'fixed', '1.2.3-5', 'said', repeat('what was seen ', 20)), null, ${now}, 60,
        case when f.state <> 'fixed' then f.opened_at + interval '60 days' end
      from (select *, row_number() over (order by id) as n from audit.finding) f`.execute(db);
      await sql`insert into audit.verdict_set (digest, kit, marks)
      select 'kit-' || k, 'kit-' || k, '{}' from generate_series(0, ${KITS - 1}::integer) k`.execute(db);
      await sql`insert into audit.verdict (host_id, kit, digest, detail, drifted, changed_at)
      select h.id, 'kit-' || k, 'kit-' || k, (select jsonb_object_agg('check-' || c, jsonb_build_object('since', ${now.toISOString()}::text,
          'facts', '{}'::jsonb, 'passedUntil', ${now.toISOString()}::text)) from generate_series(0, ${CHECKS - 1}::integer) c),
        case when (h.n * 7) % 100 < ${DRIFTED}::integer then array(select 'check-' || c from generate_series(0, ${CHECKS - 1}::integer) c) else '{}' end, ${now}
      from ${hostsIn} cross join generate_series(0, ${KITS - 1}::integer) k`.execute(db);
    },
  );
}
