import * as z from 'zod';
import { AppError } from '../../model/errors/index.ts';
import { type Config, type Environment, type Setting, type SettingName, SETTINGS } from './table.ts';

export type { Config, Environment, SettingName } from './table.ts';
export { configReference } from './reference.ts';

/** Flags as the command line has them, by setting name; numbers may be numbers. */
export type ConfigFlags = Partial<Record<SettingName, string | number | undefined>>;

/** libpq's own variables: a connection made of some of them would silently go to the wrong database. */
const LIBPQ = ['PGHOST', 'PGPORT', 'PGUSER', 'PGPASSWORD', 'PGDATABASE'];

/** Raw → valid, at boot, for the whole process. The only reader of the environment on the server's side. */
export function loadConfig(env: Environment = process.env, flags: ConfigFlags = {}): Config {
  refuseHalfSet(env, flags);
  const entries = Object.entries(SETTINGS as Record<string, Setting>);
  return Object.fromEntries(
    entries.map(([name, setting]) => [name, value(setting, env, flags[name as SettingName])]),
  ) as unknown as Config;
}

function value(setting: Setting, env: Environment, flag: string | number | undefined): unknown {
  const raw = flag === undefined ? env[setting.env] : String(flag);
  if (raw === undefined || raw === '') return setting.fallback(env);
  const parsed = setting.parse.safeParse(raw);
  if (parsed.success) return parsed.data;
  const name = flag === undefined ? setting.env : (setting.flag ?? setting.env);
  throw new AppError('CONFIG_INVALID', { why: `${name} ${z.treeifyError(parsed.error).errors.join(', ')}` });
}

function refuseHalfSet(env: Environment, flags: ConfigFlags): void {
  const set = LIBPQ.filter((name) => env[name]);
  if (set.length === 0 || env['DATABASE_URL'] || flags.databaseUrl) return;
  throw new AppError('CONFIG_INVALID', {
    why: `${set.join(', ')} ${set.length === 1 ? 'is' : 'are'} set, but DATABASE_URL is not, so it is unclear which database is meant; set DATABASE_URL, or unset ${set.length === 1 ? 'it' : 'them'} to use the embedded one`,
  });
}

/** The PostgreSQL that a test run shares, as scripts/test.ts started it. */
export function testDatabaseUrl(env: Environment = process.env): string | null {
  return env['TEST_DATABASE_URL'] || null;
}
