import type { Wanted } from '../host.ts';
import { SYSCTL_FILES } from './settings.ts';

const all = (how: Wanted['how'], ...paths: string[]): Wanted[] => paths.map((one) => ({ how, paths: one }));

/**
 * What every look asks for, hundreds of times where hosts have hundreds of processes: fetched in one go where each question
 * is dear. Nothing fails when something is not among it; it is then asked for by itself.
 */
const KERNELS: readonly Wanted[] = [
  // What they map, and their words, are asked for where they have run since: `proc/kept.ts`.
  ...['status', 'stat', 'cgroup'].flatMap((file) => all('read', `/proc/[0-9]*/${file}`)),
  ...['exe', 'cwd', 'ns/mnt', 'fd/*'].flatMap((link) => all('readlink', `/proc/[0-9]*/${link}`)),
  ...all('list', '/proc', '/proc/[0-9]*/fd'),
  ...['cpuinfo', 'meminfo', 'modules', 'stat', 'version', 'self/mounts', '1/mounts'].flatMap((file) =>
    all('read', `/proc/${file}`),
  ),
  ...['arp', 'ipv6_route', 'route', 'tcp', 'tcp6'].flatMap((file) => all('read', `/proc/net/${file}`)),
  ...all('read', '/proc/sys/kernel/hostname', '/proc/sys/kernel/osrelease', '/proc/sys/kernel/random/boot_id'),
  ...all('read', ...SYSCTL_FILES),
];

/** Names and small files in places that every host has. */
const SYSTEMS: readonly Wanted[] = [
  ...all('read', '/etc/os-release', '/etc/hostname', '/etc/machine-id', '/etc/image-id', '/etc/passwd', '/etc/shadow'),
  ...all('read', '/etc/group', '/etc/sudoers', '/etc/sudoers.d/*', '/etc/crontab', '/etc/cron.d/*', '/run/sshd.pid'),
  ...all('read', '/run/reboot-required.pkgs', '/run/cloud-init/instance-data.json', '/sys/hypervisor/type'),
  ...all('read', '/sys/class/dmi/id/[bcps]*', '/etc/init.d/*', '/etc/ssh/sshd_config', '/etc/ssh/sshd_config.d/*'),
  ...all('list', '/boot', '/etc/cron.*', '/etc/periodic/*', '/etc/crontabs', '/var/spool/cron'),
  ...all('list', '/var/spool/cron/crontabs', '/etc/init.d', '/etc/rc[2-5].d', '/etc/rc.d/rc[2-5].d', '/etc/runlevels'),
  ...all('list', '/etc/systemd/system', '/etc/apt/sources.list.d', '/etc/ssh/sshd_config.d', '/etc/sudoers.d'),
  ...all('list', '/etc/sysctl.d', '/etc/letsencrypt/live', '/etc/nginx', '/etc/nginx/conf.d', '/etc/nginx/ssl'),
  ...all('list', '/etc/nginx/sites-enabled', '/etc/apache2/ssl', '/etc/ssl', '/etc/ssl/certs', '/etc/ssl/private'),
  ...all('stat', '/run/systemd/system', '/run/reboot-required', '/etc/cron.*/*', '/etc/periodic/*/*', '/etc/init.d/*'),
  ...all('stat', '/var/lib/dpkg/status', '/var/lib/apt/lists', '/sys/class/dmi/id', '/etc/nginx/nginx.conf'),
  ...all('read', '/etc/modprobe.d/*', '/etc/security/*.conf', '/etc/systemd/*.conf', '/etc/pam.d/common-*'),
  ...all('list', '/var/lib/snapd/snaps', '/etc/yum.repos.d'),
  ...all('stat', '/etc/yum.repos.d/*.repo'),
  ...all('read', '/var/lib/rhsm/cache/releasever.json', '/etc/dnf/vars/releasever', '/etc/yum/vars/releasever'),
  ...all('list', '/etc/modprobe.d', '/etc/security/limits.d', '/etc/security/pwquality.conf.d'),
  ...all('list', '/etc/systemd/journald.conf.d', '/etc/systemd/coredump.conf.d'),
  // Half of that directory are names by hash, which `certificates` does not ask for.
  ...['pem', 'crt', 'cer', 'key'].flatMap((kind) => all('readlink', `/etc/ssl/certs/*.${kind}`)),
  ...all('readlink', '/vmlinuz', '/boot/vmlinuz'),
];

/**
 * `elsewhere`: whether the host has file systems of others. A path of ours may lead there, and who asks for it in one go
 * with all others would wait for it with all others: then only the kernel's own is fetched so.
 */
export const wantedWith = (elsewhere: boolean): readonly Wanted[] => (elsewhere ? KERNELS : [...KERNELS, ...SYSTEMS]);
