import {
  BREAK_APT,
  FILL_DISK,
  newerKernelPending,
  ownService,
  relay,
  SHOP,
  SHOP_DATABASE,
  tlsSite,
} from './host-services.ts';
import { LAB_ADDRESS, MIRROR_PORT, NETWORK, type HostSpec } from './spec.ts';

/** Passwords are written here because nothing outside the lab's own namespaces can reach who has them. */
export const HOSTS: readonly HostSpec[] = [
  {
    name: 'web1',
    release: 'bookworm',
    legs: [{ segment: 0, number: 11 }],
    about: 'public web site: nginx with TLS',
    root: { key: true },
    services: ['ssh', 'cron', 'nginx'],
    ...tlsSite('web1'),
  },
  {
    name: 'web2',
    release: 'trixie',
    legs: [{ segment: 0, number: 12 }],
    about: 'the newer web site: nginx with TLS',
    root: { key: true },
    services: ['ssh', 'cron', 'nginx'],
    ...tlsSite('web2'),
  },
  {
    name: 'old1',
    release: 'bullseye',
    legs: [{ segment: 0, number: 13 }],
    about: 'nobody upgraded it; root logs in with a password',
    root: { key: true, password: 'old1-root' },
    services: ['ssh', 'cron'],
  },
  {
    name: 'sudo1',
    release: 'bookworm',
    legs: [{ segment: 0, number: 14 }],
    about: 'root cannot log in: an operator can, and sudo asks for the password',
    root: { key: false },
    accounts: [{ name: 'ops', password: 'sudo1-ops', key: true, sudo: 'password' }],
    services: ['ssh', 'cron'],
  },
  {
    name: 'db1',
    release: 'bookworm',
    legs: [{ segment: 0, number: 15 }],
    about: 'PostgreSQL; app1 keeps connections to it',
    root: { key: true },
    services: ['ssh', 'cron', 'postgresql'],
    layer: { install: ['postgresql'] },
    setup: SHOP_DATABASE,
  },
  {
    name: 'app1',
    release: 'bookworm',
    legs: [{ segment: 0, number: 16 }],
    about: 'a service on port 8000 that uses db1 and web1',
    root: { key: true },
    services: ['ssh', 'cron', 'shop'],
    layer: { install: ['python3', 'python3-psycopg2'] },
    ...ownService('shop', SHOP),
  },
  {
    name: 'drop1',
    release: 'bookworm',
    legs: [{ segment: 0, number: 17 }],
    about: 'Dropbear instead of OpenSSH: no SFTP',
    root: { key: true },
    services: ['dropbear', 'cron'],
    layer: { install: ['dropbear'], remove: ['openssh-server', 'openssh-sftp-server'] },
    setup:
      'for type in ed25519 ecdsa rsa; do dropbearkey -t $type -f /etc/dropbear/dropbear_${type}_host_key; done >/dev/null 2>&1',
  },
  {
    name: 'bastion1',
    release: 'trixie',
    legs: [
      { segment: 0, number: 20 },
      { segment: 1, number: 20 },
    ],
    about: 'the only way to hidden1',
    root: { key: true },
    services: ['ssh', 'cron', 'nginx'],
    ...relay(`${NETWORK}.1.20:${MIRROR_PORT}`, `${LAB_ADDRESS}:${MIRROR_PORT}`),
  },
  {
    name: 'hidden1',
    release: 'bookworm',
    legs: [{ segment: 1, number: 21 }],
    about: 'behind bastion1, on a segment of its own',
    root: { key: true },
    services: ['ssh', 'cron'],
    mirror: `http://${NETWORK}.1.20:${MIRROR_PORT}`,
  },
  {
    name: 'full1',
    release: 'bookworm',
    legs: [{ segment: 0, number: 18 }],
    about: 'its disk is nearly full',
    root: { key: true },
    services: ['ssh', 'cron'],
    disk: '128m',
    setup: FILL_DISK,
  },
  {
    name: 'brokenapt1',
    release: 'bookworm',
    legs: [{ segment: 0, number: 19 }],
    about: 'a package that cannot be configured, one left unpacked, one held',
    root: { key: true },
    services: ['ssh', 'cron'],
    setup: BREAK_APT,
  },
];

/**
 * Twenty that are alike, for what is measured over many; up only when named. With Python, which other tools need there.
 */
export const CROWD: readonly HostSpec[] = Array.from({ length: 20 }, (_, index) => ({
  name: `crowd${index + 1}`,
  release: 'bookworm',
  legs: [{ segment: 0, number: 101 + index }],
  about: 'one of twenty alike',
  root: { key: true },
  services: ['ssh', 'cron'],
  layer: { install: ['python3', 'python3-apt'] },
}));

/** What checks are about, beside the release's own packages. */
const BAD_PACKAGES: readonly string[] =
  `apparmor auditd chrony libpam-pwquality rsyslog sudo autofs avahi-daemon bind9 bluez cups
  dovecot-core isc-dhcp-server nfs-kernel-server rpcbind rsync samba slapd snmpd squid tftpd-hpa
  mosquitto openssl redis-server tightvncserver x11-xkb-utils xfonts-base xkb-data
  etcd-server gnutls-bin lynis openjdk-17-jre-headless openscap-scanner
  vsftpd xinetd ypserv inetutils-talk inetutils-telnet inetutils-telnetd nis rsh-redone-client tnftp`.split(/\s+/);

/** What makes a computer of a release: it comes without a kernel and without a first process. */
const COMPUTER: readonly string[] = ['grub-pc', 'systemd-sysv', 'udev'];
const KERNEL = 'linux-image-cloud-amd64';

/** A machine whose kernel has that hole, and whose archive has one that has none. */
const holed = (name: string, number: number, hole: string): HostSpec => ({
  name,
  release: 'bookworm',
  legs: [{ segment: 0, number }],
  about: `a virtual machine whose kernel has ${hole}`,
  root: { key: true },
  accounts: [{ name: 'ops', password: `${name}-ops`, key: true, sudo: 'no password' }],
  services: ['ssh'],
  layer: { install: COMPUTER },
  built: ['kernels'],
  // It is too small for as many processes as systemd would have it count.
  files: { '/etc/sysctl.d/50-pid-max.conf': '' },
  setup: newerKernelPending(hole),
  machine: true,
});

/** For what only few tests need; up only when named. */
export const ODD: readonly HostSpec[] = [
  {
    name: 'init1',
    release: 'bookworm',
    legs: [{ segment: 0, number: 22 }],
    about: 'init scripts and nothing else: no systemctl',
    root: { key: true },
    services: ['ssh', 'cron', 'nginx'],
    systemctl: false,
    ...tlsSite('init1'),
  },
  {
    name: 'rc1',
    release: 'bookworm',
    legs: [{ segment: 0, number: 23 }],
    about: 'OpenRC',
    root: { key: true },
    services: ['ssh', 'cron', 'nginx'],
    layer: { install: ['openrc'] },
    systemctl: false,
    ...tlsSite('rc1'),
  },
  {
    name: 'small1',
    release: 'bookworm',
    legs: [{ segment: 0, number: 24 }],
    about: 'a disk of its own, with room',
    root: { key: true },
    services: ['ssh', 'cron'],
    disk: '512m',
  },
  {
    name: 'bad1',
    release: 'bookworm',
    legs: [{ segment: 0, number: 25 }],
    about: 'has what no server should have; each check of the kits is seen to fail on it',
    root: { key: true },
    accounts: [{ name: 'ops', password: 'bad1-ops', key: true, sudo: 'no password' }],
    services: ['ssh', 'cron'],
    layer: { install: BAD_PACKAGES },
    built: ['openssl'],
  },
  {
    name: 'kernel1',
    release: 'bookworm',
    legs: [{ segment: 0, number: 26 }],
    about: 'a virtual machine: a kernel of its own, GRUB, systemd',
    root: { key: true },
    accounts: [{ name: 'ops', password: 'kernel1-ops', key: true, sudo: 'no password' }],
    services: ['ssh', 'cron', 'auditd'],
    layer: { install: [...COMPUTER, KERNEL, 'apparmor', 'apparmor-utils', 'auditd'], newer: [KERNEL] },
    machine: true,
  },
  holed('pipe1', 27, 'dirty-pipe'),
  holed('cow1', 28, 'dirty-cow'),
];

export const ALL_HOSTS: readonly HostSpec[] = [...HOSTS, ...ODD, ...CROWD];
