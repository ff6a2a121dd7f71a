import { readText, type Host } from '../../host/host.ts';
import type { ServiceSigns } from './logic/service/detect.ts';

const MS = 15_000;
const NOT_FOUND = 127;

/** What on this host tells how its services are started. Only looks. */
export async function readSigns(host: Host): Promise<ServiceSigns> {
  const has = async (path: string): Promise<boolean> => (await host.stat(path)) !== null;
  const anyOf = async (paths: readonly string[]): Promise<boolean> => {
    for (const path of paths) if (await has(path)) return true;
    return false;
  };
  const systemctl = await host.exec(['systemctl', 'show', '--no-pager', '--property=Id', '*.service'], {
    timeoutMs: MS,
  });
  const rcLocal = await host.stat('/etc/rc.local');
  return {
    systemdAnswers: systemctl.code === 0,
    openrc: (await has('/etc/runlevels')) && (await anyOf(['/sbin/openrc-run', '/usr/sbin/openrc-run'])),
    initScripts: await has('/etc/init.d'),
    registrar: await registrarOf(host),
    firstProcess: (await readText(host, '/proc/1/comm', 256).catch(() => null))?.trim() ?? null,
    inittab: await has('/etc/inittab'),
    cron: (await has('/etc/cron.d')) && (await anyOf(CRONS)),
    rcLocal: rcLocal?.kind === 'file' && (rcLocal.mode & 0o100) !== 0,
  };
}

const CRONS = ['/usr/sbin/cron', '/usr/sbin/crond', '/usr/sbin/anacron', '/usr/sbin/fcron'];

async function registrarOf(host: Host): Promise<ServiceSigns['registrar']> {
  for (const name of ['update-rc.d', 'chkconfig'] as const) {
    const { code } = await host.exec([name, '--help'], { timeoutMs: MS });
    if (code !== NOT_FOUND) return name;
  }
  return null;
}
