import type pg from 'pg';
import { withClient } from './pool.ts';

/** Three roles: the superuser that made the cluster, the owner of all tables, and the one the application runs as. */
export const ROLES = { root: 'lastember_root', owner: 'lastember_owner', app: 'lastember' } as const;
export type Secrets = Record<keyof typeof ROLES, string>;

const literal = (client: pg.Client, text: string): string => client.escapeLiteral(text);

/** Roles and the database of a cluster that we made ourselves. Run again at every start; does what is missing. */
export async function provision(rootUrl: string, secrets: Secrets, database: string): Promise<void> {
  await withClient(rootUrl, async (client) => {
    for (const role of [ROLES.owner, ROLES.app] as const) {
      const password = role === ROLES.owner ? secrets.owner : secrets.app;
      const found = await client.query('select from pg_roles where rolname = $1', [role]);
      if (found.rowCount) continue;
      await client.query(`create role ${role} login nosuperuser password ${literal(client, password)}`);
    }
    // The owner hands the queue's schema to the application's role, which pg-boss then looks after.
    await client.query(`grant ${ROLES.app} to ${ROLES.owner}`);
    const found = await client.query('select from pg_database where datname = $1', [database]);
    if (!found.rowCount) await createDatabase(client, database);
  });
}

export async function createDatabase(client: pg.Client, database: string): Promise<void> {
  const name = client.escapeIdentifier(database);
  await client.query(`create database ${name} owner ${ROLES.owner}`);
  await client.query(`revoke all on database ${name} from public`);
  await client.query(`grant connect, temporary on database ${name} to ${ROLES.app}`);
}
