/** What starts the agent when the host boots, and keeps it running. */
export type ServiceManager = 'systemd' | 'openrc' | 'sysv' | 'cron' | 'rc.local' | 'none';

/** What was found on a host. */
export interface ServiceSigns {
  /** `systemctl` got an answer from a running manager; the command alone lies about on hosts that boot otherwise */
  systemdAnswers: boolean;
  /** /etc/runlevels and /sbin/openrc-run */
  openrc: boolean;
  initScripts: boolean;
  /** what makes links for init scripts */
  registrar: 'update-rc.d' | 'chkconfig' | null;
  /** name of the process with number 1, as /proc/1/comm has it; null: unreadable */
  firstProcess: string | null;
  inittab: boolean;
  /** a cron daemon, and /etc/cron.d */
  cron: boolean;
  /** /etc/rc.local is there and may be run */
  rcLocal: boolean;
}

/** The first process of systems that run init scripts at boot: sysvinit and upstart, and busybox' init. */
const RUNS_SCRIPTS = new Set(['init', 'upstart', 'linuxrc']);

/** The manager that would really start it at the next boot; where nobody can tell, what does no harm. */
export function serviceManager(signs: ServiceSigns): ServiceManager {
  if (signs.systemdAnswers) return 'systemd';
  if (signs.openrc) return 'openrc';
  const boots = signs.inittab || (signs.firstProcess !== null && RUNS_SCRIPTS.has(signs.firstProcess));
  if (signs.initScripts && signs.registrar !== null && boots) return 'sysv';
  if (signs.cron) return 'cron';
  return signs.rcLocal ? 'rc.local' : 'none';
}
