import { randomBytes, randomUUID } from 'node:crypto';
import { release } from 'node:os';
import { hashPassword } from '../guest/passwords.ts';
import type { HostSpec, Weakness } from './spec.ts';
import { newSshKey } from '../../../src/host/ssh/testing/keys.ts';

/** path → text, or text with a mode other than 0644 */
export type Files = Record<string, string | { text: string; mode: number }>;

export interface Login {
  username: string;
  password: string;
  /** OpenSSH public key line */
  publicKey: string;
}

/** The operating system part of a host's tree: the same for all, but for identity and deliberate weaknesses. */
export function systemFiles(spec: HostSpec, address: string, login: Login): Files {
  const has = (weakness: Weakness): boolean => spec.weaknesses.includes(weakness);
  const hostKey = newSshKey({ comment: `root@${spec.name}` });
  return {
    '/etc/os-release':
      'PRETTY_NAME="Debian GNU/Linux 7 (wheezy)"\nNAME="Debian GNU/Linux"\nVERSION_ID="7"\nVERSION="7 (wheezy)"\nID=debian\n',
    '/etc/debian_version': '7.11\n',
    '/etc/hostname': `${spec.name}\n`,
    '/etc/hosts': `127.0.0.1\tlocalhost\n${address}\t${spec.name}.demo.test ${spec.name}\n`,
    '/etc/machine-id': `${randomBytes(16).toString('hex')}\n`,
    '/etc/image-id': `${spec.image}\n`,
    '/etc/apt/sources.list': 'deb file:/srv/apt stable main\n',
    '/etc/ssh/ssh_host_ed25519_key': { text: hostKey.private, mode: 0o600 },
    '/etc/ssh/ssh_host_ed25519_key.pub': `${hostKey.public}\n`,
    '/etc/ssh/sshd_config': { text: sshdConfig(has, spec.login), mode: 0o600 },
    '/etc/crontab': { text: CRONTAB, mode: has('cron-writable') ? 0o666 : 0o600 },
    '/etc/cron.d/housekeeping': HOUSEKEEPING,
    '/etc/sudoers': { text: 'root ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) NOPASSWD: ALL\n', mode: 0o440 },
    '/etc/login.defs': 'PASS_MAX_DAYS\t365\nPASS_MIN_DAYS\t1\nPASS_WARN_AGE\t7\nUMASK\t\t027\nENCRYPT_METHOD\tSHA512\n',
    '/etc/sysctl.conf': '# Kernel settings of this host; see sysctl.conf(5).\n',
    ...accounts(spec, has, login),
    ...kernel(has, spec.name),
    '/etc/systemd/system/ssh.service': SSH_UNIT,
  };
}

function sshdConfig(has: (weakness: Weakness) => boolean, login: HostSpec['login']): string {
  return [
    '# Package generated configuration file; see sshd_config(5).',
    'Port 22',
    'Protocol 2',
    'HostKey /etc/ssh/ssh_host_ed25519_key',
    'LoginGraceTime 60',
    `PermitRootLogin ${has('root-login') ? 'yes' : 'no'}`,
    'StrictModes yes',
    'PubkeyAuthentication yes',
    `PermitEmptyPasswords ${has('empty-passwords') ? 'yes' : 'no'}`,
    `PasswordAuthentication ${has('password-login') || login === 'password' ? 'yes' : 'no'}`,
    `X11Forwarding ${has('x11-forwarding') ? 'yes' : 'no'}`,
    'UsePAM yes',
    '',
  ].join('\n');
}

/** `ops` is in sudo without a password; what it runs over SSH runs as root. */
function accounts(spec: HostSpec, has: (weakness: Weakness) => boolean, login: Login): Files {
  const hash = spec.login === 'password' ? hashPassword(login.password) : '*';
  const key = spec.login === 'key' ? `${login.publicKey}\n` : '';
  return {
    '/etc/passwd': [
      'root:x:0:0:root:/root:/bin/bash',
      'daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin',
      'www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin',
      'sshd:x:101:65534::/var/run/sshd:/usr/sbin/nologin',
      `${login.username}:x:1000:1000:Operations:/home/${login.username}:/bin/bash`,
      '',
    ].join('\n'),
    '/etc/group': `root:x:0:\nsudo:x:27:${login.username}\nwww-data:x:33:\n${login.username}:x:1000:\n`,
    '/etc/shadow': {
      text: `root:*:16000:0:99999:7:::\n${login.username}:${hash}:16000:0:99999:7:::\n`,
      mode: has('shadow-readable') ? 0o644 : 0o640,
    },
    [`/home/${login.username}/.ssh/authorized_keys`]: { text: key, mode: 0o600 },
  };
}

function kernel(has: (weakness: Weakness) => boolean, name: string): Files {
  const settings: Record<string, string | number> = {
    'kernel/randomize_va_space': has('no-aslr') ? 0 : 2,
    'kernel/kptr_restrict': 1,
    'kernel/dmesg_restrict': 1,
    'kernel/hostname': name,
    'kernel/ostype': 'Linux',
    'kernel/osrelease': release(),
    'kernel/random/boot_id': randomUUID(),
    'fs/suid_dumpable': 0,
    'fs/protected_hardlinks': 1,
    'fs/protected_symlinks': 1,
    'net/ipv4/ip_forward': 0,
    'net/ipv4/tcp_syncookies': has('no-syncookies') ? 0 : 1,
    'net/ipv4/icmp_echo_ignore_broadcasts': 1,
    'net/ipv4/conf/all/accept_redirects': has('redirects') ? 1 : 0,
    'net/ipv4/conf/all/secure_redirects': has('redirects') ? 1 : 0,
    'net/ipv4/conf/all/send_redirects': has('redirects') ? 1 : 0,
    'net/ipv4/conf/all/accept_source_route': has('source-route') ? 1 : 0,
    'net/ipv4/conf/all/rp_filter': 1,
    'net/ipv4/conf/all/log_martians': 1,
  };
  return {
    ...Object.fromEntries(Object.entries(settings).map(([key, value]) => [`/proc/sys/${key}`, `${value}\n`])),
    '/proc/mounts': MOUNTS,
    '/proc/net/route': 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n',
    '/proc/net/arp': 'IP address       HW type     Flags       HW address            Mask     Device\n',
    '/proc/net/tcp6':
      '  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n',
  };
}

const MOUNTS = `/dev/sda1 / ext4 rw,relatime,errors=remount-ro 0 0
proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0
sysfs /sys sysfs rw,nosuid,nodev,noexec,relatime 0 0
tmpfs /run tmpfs rw,nosuid,noexec,relatime,size=205124k,mode=755 0 0
`;
const CRONTAB = '17 * * * * root cd / && run-parts --report /etc/cron.hourly\n';
const HOUSEKEEPING = '25 4 * * * root find /var/tmp -mtime +7 -delete\n';
const SSH_UNIT = `[Unit]
Description=OpenBSD Secure Shell server
After=network.target

[Service]
ExecStart=/usr/sbin/sshd -D

[Install]
WantedBy=multi-user.target
`;
