import type { CronFact } from '../../model/facts.ts';
import { readText, type Host } from '../host.ts';
import { remembered } from '../remembered.ts';
import { parseCrontab, parseTimers } from '../services/cron.ts';
import { by, each, type FactSection } from './look.ts';
import { systemd } from './shared.ts';

/** Of the accounts: Debian's place, Red Hat's, Alpine's. */
const SPOOLS = ['/var/spool/cron/crontabs', '/var/spool/cron', '/etc/crontabs'];
/** run-parts leaves out names with a dot, so do we. */
const SCRIPTS: Record<string, string> = {
  '/etc/cron.hourly': '@hourly',
  '/etc/cron.daily': '@daily',
  '/etc/cron.weekly': '@weekly',
  '/etc/cron.monthly': '@monthly',
  '/etc/periodic/15min': '*/15 * * * *',
  '/etc/periodic/hourly': '@hourly',
  '/etc/periodic/daily': '@daily',
  '/etc/periodic/weekly': '@weekly',
  '/etc/periodic/monthly': '@monthly',
};
const RUNS = /^[A-Za-z0-9_-]+$/;
const FILE_LIMIT = 262_144;
/** Hosts of one release have the same, about ten each; their commands are looked through for secrets, which is dear. */
const TABS_KEPT = 2000;
const tabOf = remembered(TABS_KEPT, parseCrontab);

/** What runs by the clock: crontabs, scripts of the daily directories, timers. */
export const cron: FactSection<'cron'> = {
  name: 'cron',
  version: 2,
  async collect(look) {
    const { host } = look;
    const facts = [
      ...(await systemTabs(host)),
      ...(await userTabs(host)),
      ...(await scripts(host)),
      // Where there is no systemd, there are none.
      ...parseTimers((await systemd(look)) ?? ''),
    ];
    return facts.sort(by((fact) => [fact.kind, fact.path, fact.schedule, fact.user, fact.command].join(' ')));
  },
};

async function systemTabs(host: Host): Promise<CronFact[]> {
  const names = ((await host.list('/etc/cron.d')) ?? []).filter((name) => RUNS.test(name));
  const paths = ['/etc/crontab', ...names.map((name) => `/etc/cron.d/${name}`)];
  const found = await each(paths, async (path) => tabOf(path, (await readText(host, path, FILE_LIMIT)) ?? '', null));
  return found.flat();
}

async function userTabs(host: Host): Promise<CronFact[]> {
  const found: CronFact[] = [];
  for (const directory of SPOOLS) {
    for (const name of (await host.list(directory)) ?? []) {
      const path = `${directory}/${name}`;
      if (name.startsWith('.') || (await host.stat(path))?.kind !== 'file') continue;
      found.push(...tabOf(path, (await readText(host, path, FILE_LIMIT)) ?? '', name));
    }
  }
  return found;
}

async function scripts(host: Host): Promise<CronFact[]> {
  const found: CronFact[] = [];
  for (const [directory, schedule] of Object.entries(SCRIPTS)) {
    for (const name of ((await host.list(directory)) ?? []).filter((one) => RUNS.test(one))) {
      const path = `${directory}/${name}`;
      const stat = await host.stat(path);
      if (stat?.kind !== 'file') continue;
      found.push({ kind: 'script', path, user: 'root', schedule, command: path, enabled: (stat.mode & 0o111) !== 0 });
    }
  }
  return found;
}
