import type { ServerSpec } from './spec.ts';

const dns = (port: 'tcp' | 'udp', product: string) =>
  ({ port: 53, udp: port === 'udp', protocol: 'dns', product, version: 'told' }) as const;

/** Names, time and management: mostly over UDP. */
export const NAMES: readonly ServerSpec[] = [
  {
    name: 'bind',
    number: 51,
    package: 'bind9',
    files: {
      '/etc/bind/lab.conf':
        'options { directory "/tmp"; recursion no; pid-file none; session-keyfile "/tmp/s.key"; listen-on-v6 { none; }; dnssec-validation no; };\n',
    },
    start: `/usr/sbin/named -f -n 1 -c /etc/bind/lab.conf &`,
    ports: [
      { ...dns('tcp', 'BIND'), access: 'refused' },
      { ...dns('udp', 'BIND'), access: 'refused' },
    ],
  },
  {
    name: 'unbound',
    number: 52,
    package: 'unbound',
    files: {
      '/etc/unbound/lab.conf': `server:
  interface: 0.0.0.0
  access-control: 0.0.0.0/0 allow
  chroot: ""
  username: ""
  directory: "/tmp"
  pidfile: ""
  use-syslog: no
  local-zone: "lab.example." static
`,
    },
    start: `/usr/sbin/unbound -d -c /etc/unbound/lab.conf &`,
    ports: [
      { ...dns('tcp', 'Unbound'), access: 'open' },
      { ...dns('udp', 'Unbound'), access: 'open' },
    ],
  },
  {
    name: 'dnsmasq',
    number: 53,
    package: 'dnsmasq-base',
    start: `/usr/sbin/dnsmasq -k -u root --no-resolv --no-hosts -C /dev/null &`,
    ports: [dns('tcp', 'dnsmasq'), dns('udp', 'dnsmasq')],
  },
  {
    name: 'chrony',
    number: 54,
    package: 'chrony',
    start: `mkdir -p /run/chrony
/usr/sbin/chronyd -d -x -u root 'local stratum 8' 'allow' 'cmdport 0' &`,
    ports: [{ port: 123, udp: true, protocol: 'ntp', product: null, access: 'refused' }],
  },
  {
    name: 'ntpsec',
    number: 55,
    package: 'ntpsec',
    alone: true,
    also: ['libbsd0'],
    files: { '/etc/ntpsec/lab.conf': 'server 127.127.1.0\nfudge 127.127.1.0 stratum 5\nunrestrict default noquery\n' },
    start: `/usr/sbin/ntpd -n -c /etc/ntpsec/lab.conf &`,
    ports: [{ port: 123, udp: true, protocol: 'ntp', product: 'NTPsec', version: 'told' }],
  },
  {
    name: 'snmpd',
    number: 56,
    package: 'snmpd',
    files: { '/etc/snmp/lab.conf': 'agentaddress udp:161\nrocommunity public\nsysdescr lab printer, firmware 1.2\n' },
    start: `mkdir -p /var/lib/snmp
/usr/sbin/snmpd -f -Le -C -c /etc/snmp/lab.conf &`,
    ports: [{ port: 161, udp: true, protocol: 'snmp', product: 'Net-SNMP', access: 'open' }],
  },
  {
    name: 'ipmi',
    number: 57,
    package: 'openipmi',
    files: {
      '/etc/ipmi/lab.conf': `name "lab"
set_working_mc 0x20
  startlan 1
    addr 0.0.0.0 623
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef
  endlan
  user 1 true  ""     "test" user  10 none md2 md5 straight
  user 2 true  "ops"  "test" admin 10 none md2 md5 straight
`,
      '/etc/ipmi/lab.emu':
        'mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\nmc_enable 0x20\n',
    },
    start: `mkdir -p /tmp/ipmi
tail -f /dev/null | /usr/bin/ipmi_sim -n -c /etc/ipmi/lab.conf -f /etc/ipmi/lab.emu -s /tmp/ipmi &`,
    ports: [{ port: 623, udp: true, protocol: 'ipmi', product: null, access: 'open' }],
  },
  {
    name: 'rpcbind',
    number: 58,
    package: 'rpcbind',
    start: `user _rpc; mkdir -p /run/rpcbind; chown _rpc /run/rpcbind
/sbin/rpcbind -f -w &`,
    ports: [{ port: 111, protocol: 'rpc', product: 'rpcbind', access: 'open' }],
  },
];
