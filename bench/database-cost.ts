import { readdirSync, readFileSync } from 'node:fs';
import { sql } from 'kysely';
import type { RunningPlatform } from '../src/platform/index.ts';

const TICKS_PER_SECOND = 100;

/** What does not depend on how busy the machine is. */
export interface Cost {
  seconds: number;
  /** of this process */
  ownCpu: number;
  /** of PostgreSQL, all its processes */
  databaseCpu: number;
  walBytes: number;
  inserted: number;
  /** rows that were written anew */
  updated: number;
  /** of these, without touching an index */
  hot: number;
}

/** Starts counting; the function returned says what it has cost since. */
export async function startCounting(platform: RunningPlatform): Promise<() => Promise<Cost>> {
  const began = performance.now();
  const cpu = process.cpuUsage();
  const before = await state(platform);
  return async () => {
    const own = process.cpuUsage(cpu);
    const seconds = (performance.now() - began) / 1000;
    // What a session did is told to the others a second after it at the latest.
    await new Promise((done) => setTimeout(done, 1500));
    const now = await state(platform);
    return {
      seconds,
      ownCpu: (own.user + own.system) / 1e6,
      databaseCpu: now.cpu - before.cpu,
      walBytes: now.wal - before.wal,
      inserted: now.inserted - before.inserted,
      updated: now.updated - before.updated,
      hot: now.hot - before.hot,
    };
  };
}

async function state(platform: RunningPlatform) {
  const { rows } = await sql<{ wal: string; inserted: string; updated: string; hot: string }>`
    select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') as wal, sum(n_tup_ins) as inserted, sum(n_tup_upd) as updated,
      sum(n_tup_hot_upd) as hot from pg_stat_user_tables where schemaname in ('discovery', 'ledger')`.execute(
    platform.db,
  );
  const { wal, inserted, updated, hot } = rows[0]!;
  const cpu = processorSeconds(await platform.embeddedPid());
  return { cpu, wal: Number(wal), inserted: Number(inserted), updated: Number(updated), hot: Number(hot) };
}

/** A process with its children, those that ended too. Null: it is not ours to see. */
function processorSeconds(pid: number | null): number {
  if (pid === null) return Number.NaN;
  let ticks = 0;
  for (const name of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    const fields = fieldsOf(name);
    if (!fields || (Number(name) !== pid && Number(fields[1]) !== pid)) continue;
    ticks += Number(fields[11]) + Number(fields[12]);
    if (Number(name) === pid) ticks += Number(fields[13]) + Number(fields[14]);
  }
  return ticks / TICKS_PER_SECOND;
}

/** /proc/PID/stat after the name: state, ppid, … */
function fieldsOf(pid: string): string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

/** One line of a figure. `things`: what the rows and bytes are told per. */
export function costLine(cost: Cost, things: number): string {
  const per = (n: number): string => (n / things).toFixed(2);
  return [
    `${cost.seconds.toFixed(1)} s`,
    `processor ${cost.ownCpu.toFixed(1)} s here and ${cost.databaseCpu.toFixed(1)} s in PostgreSQL`,
    `rows each: ${per(cost.inserted)} new, ${per(cost.updated)} written anew (${per(cost.hot)} without an index)`,
    `${Math.round(cost.walBytes / things)} bytes of WAL each`,
  ].join('; ');
}
