import { sql } from 'kysely';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';
import type { Offered } from './logic/advisories/offered.ts';

const keyOf = (hostId: string, name: string, version: string): string => `${hostId}\n${name}\n${version}`;

interface OnHost {
  hostId: string;
  name: string;
  version: string;
}

/** What the archives of hosts have of these packages, by their facts. Asked for the rows of a page, never for an estate. */
export async function offeredOn(db: DbOrTx, wanted: readonly OnHost[]): Promise<(one: OnHost) => Offered> {
  const hosts = [...new Set(wanted.map(({ hostId }) => hostId))];
  const names = [...new Set(wanted.map(({ name }) => name))];
  const [candidates, archives] = await Promise.all([candidatesOn(db, hosts, names), archivesOn(db, hosts)]);
  return ({ hostId, name, version }) => ({
    candidate: candidates.get(keyOf(hostId, name, version)),
    ...(archives.get(hostId) ?? { archives: null, listsAgeDays: null }),
  });
}

/** Hosts that are alike have one list, which is read once. What says nothing of a candidate is left out. */
async function candidatesOn(
  db: DbOrTx,
  hostIds: readonly string[],
  names: readonly string[],
): Promise<Map<string, string | null>> {
  const { rows } = await sql<OnHost & { candidate: string | null }>`
    with here as (select host_id, hash from audit.section where name = 'packages' and host_id = ${anyOf(hostIds)}),
    told as materialized (
      select c.hash, p ->> 'name' as name, p ->> 'version' as version, p ->> 'candidate' as candidate
      from audit.section_content c cross join jsonb_array_elements(c.data) p
      where c.name = 'packages' and c.hash in (select hash from here) and p ? 'candidate' and p ->> 'name' = ${anyOf(names)})
    select h.host_id as "hostId", t.name, t.version, t.candidate from here h join told t on t.hash = h.hash`.execute(
    db,
  );
  return new Map(rows.map(({ hostId, name, version, candidate }) => [keyOf(hostId, name, version), candidate]));
}

async function archivesOn(
  db: DbOrTx,
  hostIds: readonly string[],
): Promise<Map<string, Pick<Offered, 'archives' | 'listsAgeDays'>>> {
  const { rows } = await sql<{ hostId: string; archives: string[]; listsAgeDays: number | null }>`
    select s.host_id as "hostId", c.data -> 'archives' as archives, (c.data ->> 'listsAgeDays')::integer as "listsAgeDays"
    from audit.section s join audit.section_content c on c.name = s.name and c.hash = s.hash
    where s.name = 'archive' and s.host_id = ${anyOf(hostIds)} and c.data ->> 'tool' is not null`.execute(db);
  return new Map(rows.map(({ hostId, ...rest }) => [hostId, rest]));
}
