import type { FileFact } from '../../model/facts.ts';
import { sha256 } from '../canonical.ts';
import { READ_LIMIT, type Host } from '../host.ts';
import { by, each, modeText, type FactSection, type Look } from './look.ts';
import { services } from './shared.ts';

/** `text`: sent as it is; `hash`: only its hash; `mode`: never opened. */
type Depth = 'text' | 'hash' | 'mode';

const KNOWN: Record<string, Depth> = {
  '/boot/grub/grub.cfg': 'mode',
  '/etc/apt/apt.conf.d/20auto-upgrades': 'text',
  '/etc/at.allow': 'mode',
  '/etc/audit': 'mode',
  '/etc/audit/auditd.conf': 'text',
  '/etc/bash.bashrc': 'hash',
  '/etc/chrony/chrony.conf': 'hash',
  '/etc/cron.allow': 'mode',
  '/etc/cron.d': 'mode',
  '/etc/cron.daily': 'mode',
  '/etc/cron.deny': 'mode',
  '/etc/cron.hourly': 'mode',
  '/etc/cron.monthly': 'mode',
  '/etc/cron.weekly': 'mode',
  '/etc/cron.yearly': 'mode',
  // Its entries are told with their secrets masked, in `cron`.
  '/etc/crontab': 'hash',
  '/etc/default/grub': 'mode',
  '/etc/default/useradd': 'text',
  '/etc/group': 'text',
  '/etc/group-': 'mode',
  '/etc/gshadow': 'mode',
  '/etc/gshadow-': 'mode',
  '/etc/hosts.allow': 'text',
  '/etc/hosts.deny': 'text',
  '/etc/issue': 'text',
  '/etc/issue.net': 'text',
  '/etc/login.defs': 'text',
  '/etc/motd': 'text',
  '/etc/pam.d/common-account': 'text',
  '/etc/pam.d/common-auth': 'text',
  '/etc/pam.d/common-password': 'text',
  '/etc/pam.d/common-session': 'text',
  '/etc/pam.d/su': 'text',
  '/etc/passwd': 'text',
  '/etc/passwd-': 'mode',
  '/etc/profile': 'text',
  '/etc/rsyslog.conf': 'mode',
  '/etc/securetty': 'text',
  '/etc/security/faillock.conf': 'text',
  '/etc/security/limits.conf': 'text',
  '/etc/security/opasswd': 'mode',
  '/etc/security/pwquality.conf': 'text',
  '/etc/shadow': 'mode',
  '/etc/shadow-': 'mode',
  '/etc/shells': 'text',
  '/etc/ssh': 'mode',
  '/etc/ssh/sshd_config': 'text',
  '/etc/sudoers': 'hash',
  '/etc/sudoers.d': 'mode',
  '/etc/sysctl.conf': 'text',
  '/etc/systemd/coredump.conf': 'text',
  '/etc/systemd/journald.conf': 'text',
  '/root': 'mode',
  '/tmp': 'mode',
  '/var/log': 'mode',
  '/var/log/audit': 'mode',
  '/var/tmp': 'mode',
};
const DIRECTORIES: Record<string, Depth> = {
  '/etc/apt/sources.list.d': 'hash',
  '/etc/modprobe.d': 'text',
  '/etc/security/limits.d': 'text',
  '/etc/security/pwquality.conf.d': 'text',
  '/etc/ssh/sshd_config.d': 'text',
  '/etc/sudoers.d': 'hash',
  '/etc/sysctl.d': 'text',
  '/etc/systemd/coredump.conf.d': 'text',
  '/etc/systemd/journald.conf.d': 'text',
  '/etc/systemd/system': 'hash',
};
const PER_DIRECTORY = 50;
const TEXT_LIMIT = 16_384;

/** Known settings files: there or not, whose, how open, and what is in those that hold no secret. */
export const files: FactSection<'files'> = {
  name: 'files',
  version: 3,
  async collect(look) {
    const wanted = new Map<string, Depth>(Object.entries(KNOWN));
    for (const [directory, depth] of Object.entries(DIRECTORIES)) {
      for (const name of ((await look.host.list(directory)) ?? []).slice(0, PER_DIRECTORY)) {
        wanted.set(`${directory}/${name}`, depth);
      }
    }
    // Random bytes: their hash shows that they changed and nothing else.
    for (const path of await sessionSecrets(look)) wanted.set(path, 'hash');
    const facts = await each([...wanted], ([path, depth]) => describeFile(look.host, path, depth));
    return facts.sort(by((fact) => fact.path));
  },
};

async function sessionSecrets(look: Look): Promise<string[]> {
  return (await services(look)).flatMap((service) => service.sessionSecret ?? []);
}

async function describeFile(host: Host, path: string, depth: Depth): Promise<FileFact> {
  const absent = { path, exists: false, mode: null, uid: null, gid: null, size: null, sha256: null, text: null };
  const stat = await host.stat(path);
  if (stat === null) return absent;
  const open = depth !== 'mode' && stat.kind === 'file' && stat.size <= READ_LIMIT;
  const bytes = open ? await host.read(path) : null;
  return {
    path,
    exists: true,
    mode: modeText(stat.mode),
    uid: stat.uid,
    gid: stat.gid,
    size: stat.kind === 'file' ? stat.size : null,
    sha256: bytes === null ? null : sha256(bytes),
    text: bytes !== null && depth === 'text' && bytes.length <= TEXT_LIMIT ? Buffer.from(bytes).toString('utf8') : null,
  };
}
