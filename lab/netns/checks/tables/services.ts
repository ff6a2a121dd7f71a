import type { Group, Trial } from '../spec.ts';

const service = (check: string, name: string, byHand = false): Trial => ({
  check: `linux-baseline/service-${check}`,
  // Some of them cannot start here (no disk to mount, nothing configured): that they would at boot is bad enough.
  bad: `systemctl enable ${name}; systemctl start ${name}; true`,
  ...(byHand ? { byHand: `systemctl stop ${name}; systemctl disable ${name}` } : {}),
});

/** Started by a unit alone, which needs systemd: what a unit of the host's own starts stands for it. */
export const unitOf = (name: string, command = '/bin/sleep infinity'): string =>
  `printf '[Service]\\nExecStart=${command}\\n[Install]\\nWantedBy=multi-user.target\\n' >/etc/systemd/system/${name}.service`;
const ofUnit = (trial: Trial, name: string): Trial => ({ ...trial, bad: `${unitOf(name)}; ${trial.bad}` });

export const SERVICES: Group = {
  title: 'services that a server has a reason for, or not at all',
  trials: [
    ofUnit(service('avahi', 'avahi-daemon'), 'avahi-daemon'),
    service('cups', 'cups'),
    service('bluetooth', 'bluetooth'),
    service('autofs', 'autofs', true),
    service('dhcp', 'isc-dhcp-server', true),
    service('dns', 'named', true),
    service('ftp', 'vsftpd', true),
    service('ldap', 'slapd', true),
    service('mail-store', 'dovecot', true),
    service('nfs', 'nfs-kernel-server nfs-server', true),
    service('nis', 'ypserv', true),
    service('rpcbind', 'rpcbind', true),
    service('rsync', 'rsync', true),
    service('smb', 'smbd', true),
    service('snmp', 'snmpd', true),
    service('tftp', 'tftpd-hpa', true),
    // Its clients have half a minute to end; there are none.
    { ...service('proxy', 'squid', true), byHand: 'pkill -KILL squid; systemctl stop squid; systemctl disable squid' },
    service('xinetd', 'xinetd', true),
    ofUnit(service('telnet', 'telnetd', true), 'telnetd'),
  ],
};

const client = (check: string, component: string): Trial => ({
  check: `linux-baseline/client-${check}`,
  component,
  bad: `dpkg -s ${component} >/dev/null`,
});

export const CLIENTS: Group = {
  title: 'programs that no server needs',
  trials: [
    client('rsh', 'rsh-redone-client'),
    client('talk', 'inetutils-talk'),
    client('telnet', 'inetutils-telnet'),
    client('ftp', 'tnftp'),
    { ...client('nis', 'nis'), byHand: 'dpkg --purge nis >/dev/null' },
    {
      check: 'linux-baseline/graphical-login',
      // The real one draws in a whole desktop. Only its name is looked at.
      bad: `mkdir -p /tmp/gdm3/DEBIAN
printf 'Package: gdm3\\nVersion: 43\\nArchitecture: all\\nMaintainer: nobody <nobody@lab.example>\\nDescription: gdm3\\n' >/tmp/gdm3/DEBIAN/control
dpkg-deb --build /tmp/gdm3 >/dev/null && dpkg --install /tmp/gdm3.deb >/dev/null`,
      byHand: 'dpkg --purge gdm3 >/dev/null',
    },
  ],
};

const stopped = (check: string, name: string): Trial => ({
  check: `linux-baseline/${check}`,
  bad: `systemctl disable ${name}; systemctl stop ${name}; true`,
  byHand: `systemctl enable ${name}; systemctl start ${name}`,
});

const installed = (check: string, name: string): Trial => ({
  check: `linux-baseline/${check}`,
  bad: `dpkg --purge --force-depends ${name} >/dev/null 2>&1; true`,
  byHand: `apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install ${name} >/dev/null 2>&1`,
});

export const WATCHERS: Group = {
  title: 'what is written down, and what watches',
  trials: [
    // Nobody may set the clock in the lab: it only follows it.
    {
      ...stopped('time-sync', 'chrony'),
      bad: `echo 'DAEMON_OPTS="-x"' >/etc/default/chrony; service chrony stop; true`,
    },
    {
      ...stopped('log-service', 'rsyslog'),
      bad: `${unitOf('rsyslog', '/usr/sbin/rsyslogd -n')}; systemctl disable rsyslog; systemctl stop rsyslog; systemctl stop systemd-journald; true`,
    },
    stopped('cron-service', 'cron'),
    { ...stopped('firewall', 'nftables'), bad: unitOf('nftables') },
    installed('file-integrity', 'aide'),
    installed('automatic-updates', 'unattended-upgrades'),
    installed('password-quality-tool', 'libpam-pwquality'),
    {
      check: 'linux-baseline/old-files-running',
      component: 'snmpd.service',
      bad: 'systemctl start snmpd; cp -p /usr/sbin/snmpd /usr/sbin/new && mv /usr/sbin/new /usr/sbin/snmpd',
    },
  ],
};

/** The host goes down for it: before others have started what need not come back. */
export const BOOT: Group = {
  title: 'what only a boot renews',
  trials: [
    {
      check: 'kernel/files-until-boot',
      bad: `service dbus stop; rm /etc/init.d/dbus; ${unitOf('dbus', '/usr/bin/dbus-daemon --system --nofork --nopidfile --address=unix:path=/run/bus')}
systemctl enable dbus && systemctl start dbus && sleep 1
cp -p /usr/bin/dbus-daemon /usr/bin/new && mv /usr/bin/new /usr/bin/dbus-daemon`,
    },
  ],
};
