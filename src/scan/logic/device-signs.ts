import type { DeviceClass } from '../../model/guess.ts';

type Is = readonly [DeviceClass, number];

interface SshSystem {
  pattern: RegExp;
  system: (match: RegExpExecArray) => string;
  family: string | null;
  weight: number;
  is?: Is;
}
const always = (name: string) => (): string => name;

/** Of a banner the first that fits. */
export const SSH_SYSTEMS: readonly SshSystem[] = [
  {
    pattern: /OpenSSH_\S+ Debian-\d\S*?(?:\+deb(\d+)u\d+)?$/,
    system: (m) => (m[1] ? `Debian ${m[1]}` : 'Debian'),
    family: 'Linux',
    weight: 0.9,
    is: ['server', 0.5],
  },
  { pattern: /OpenSSH_\S+ Ubuntu/, system: always('Ubuntu'), family: 'Linux', weight: 0.9, is: ['server', 0.5] },
  {
    pattern: /OpenSSH_\S+ Raspbian/,
    system: always('Raspberry Pi OS'),
    family: 'Linux',
    weight: 0.9,
    is: ['single-board computer', 0.8],
  },
  { pattern: /OpenSSH_\S+ FreeBSD/, system: always('FreeBSD'), family: 'FreeBSD', weight: 0.9, is: ['server', 0.5] },
  { pattern: /OpenSSH_for_Windows/, system: always('Windows'), family: 'Windows', weight: 0.95 },
  { pattern: /dropbear/i, system: always('embedded Linux (Dropbear)'), family: 'Linux', weight: 0.6 },
  { pattern: /Cisco/, system: always('Cisco IOS'), family: 'Cisco IOS', weight: 0.9, is: ['network device', 0.9] },
  { pattern: /ROSSSH/, system: always('RouterOS'), family: 'RouterOS', weight: 0.9, is: ['network device', 0.9] },
  {
    pattern: /HUAWEI|Comware|Arista|FortiSSH|NetScreen/,
    system: always(''),
    family: null,
    weight: 0,
    is: ['network device', 0.85],
  },
  { pattern: /mpSSH/, system: always(''), family: null, weight: 0, is: ['management controller', 0.85] },
  { pattern: /OpenSSH_/, system: always('Unix-like system'), family: 'Linux', weight: 0.4, is: ['server', 0.3] },
];

interface Text {
  pattern: RegExp;
  is?: Is;
  system?: readonly [string, number];
  family?: string;
}

/** What devices say of themselves: in pages, certificates and descriptions. */
export const TEXTS: readonly Text[] = [
  {
    pattern:
      /\bprinter\b|LaserJet|OfficeJet|JetDirect|DeskJet|\bEWS\b|ECOSYS|imageRUNNER|bizhub|Lexmark|Phaser|WorkCentre/i,
    is: ['printer', 0.85],
  },
  { pattern: /RouterOS|MikroTik/i, is: ['network device', 0.9], system: ['RouterOS', 0.9] },
  { pattern: /Cisco (IOS|NX-OS|Adaptive)\S*/i, is: ['network device', 0.9], system: ['Cisco IOS', 0.85] },
  { pattern: /FortiGate|FortiOS|Fortinet/i, is: ['network device', 0.85], system: ['FortiOS', 0.7] },
  { pattern: /JUNOS|Juniper/i, is: ['network device', 0.9], system: ['Junos', 0.85] },
  { pattern: /pfSense|OPNsense/i, is: ['network device', 0.85], system: ['FreeBSD', 0.8] },
  {
    pattern: /FRITZ!Box|OpenWrt|LuCI|UniFi|EdgeOS|EdgeSwitch|ProCurve|Aruba(OS)?\b|\bswitch\b/i,
    is: ['network device', 0.75],
  },
  { pattern: /Synology|DiskStation|QNAP|\bQTS\b|TrueNAS|FreeNAS|NetApp/i, is: ['storage', 0.85] },
  { pattern: /VMware ESXi|\bESXi\b/i, is: ['hypervisor', 0.9], system: ['VMware ESXi', 0.9] },
  { pattern: /Proxmox Virtual Environment|\bPVE\b|XenServer|XCP-ng/i, is: ['hypervisor', 0.9], system: ['Linux', 0.6] },
  { pattern: /iDRAC|\biLO\b|Integrated Lights-Out|Supermicro|\bBMC\b|Redfish/i, is: ['management controller', 0.85] },
  { pattern: /Hikvision|Dahua|AXIS\b|IP ?Camera|Network Camera|\bNVR\b/i, is: ['camera', 0.85] },
  { pattern: /Yealink|Polycom|\bsnom\b|IP Phone|Grandstream|SIP Phone/i, is: ['phone', 0.85] },
  { pattern: /Microsoft-IIS|Microsoft-HTTPAPI|\bWindows\b/i, system: ['Windows', 0.85] },
  { pattern: /\(Debian\)|\bDebian\b/, system: ['Debian', 0.8], family: 'Linux' },
  { pattern: /\(Ubuntu\)|\bUbuntu\b/, system: ['Ubuntu', 0.8], family: 'Linux' },
  { pattern: /\b(Red Hat|CentOS|Rocky Linux|AlmaLinux|Fedora)\b/, system: ['Red Hat family', 0.75], family: 'Linux' },
  { pattern: /^Linux \S+/, system: ['Linux', 0.9] },
  { pattern: /\bDarwin Kernel\b|\bmacOS\b/, is: ['workstation', 0.6], system: ['macOS', 0.85] },
];

interface Port {
  ports: readonly number[];
  transport?: 'tcp' | 'udp';
  is: DeviceClass;
  weight: number;
  what: string;
}

/** Ports that hardly anything else uses. */
export const WELL_KNOWN_PORTS: readonly Port[] = [
  { ports: [9100, 515], is: 'printer', weight: 0.75, what: 'printers take what they print' },
  { ports: [631], is: 'printer', weight: 0.35, what: 'printing over HTTP' },
  { ports: [554], is: 'camera', weight: 0.5, what: 'cameras send their picture' },
  { ports: [5060, 5061], is: 'phone', weight: 0.4, what: 'telephony' },
  { ports: [8006], is: 'hypervisor', weight: 0.6, what: 'the console of Proxmox' },
  { ports: [902], is: 'hypervisor', weight: 0.6, what: 'the console of VMware' },
  { ports: [8291], is: 'network device', weight: 0.8, what: 'the console of RouterOS' },
  { ports: [3260, 2049], is: 'storage', weight: 0.45, what: 'disks and file systems are served' },
  { ports: [623], transport: 'udp', is: 'management controller', weight: 0.6, what: 'IPMI' },
];

/** Services that people run on servers. */
export const SERVING: ReadonlySet<string> = new Set([
  'amqp',
  'docker',
  'elasticsearch',
  'etcd',
  'imap',
  'kubernetes',
  'ldap',
  'memcached',
  'mongodb',
  'mqtt',
  'mysql',
  'nats',
  'pop3',
  'postgresql',
  'rabbitmq',
  'redis',
  'smtp',
  'xmpp',
]);
