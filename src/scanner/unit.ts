import { SiteName } from '../model/site.ts';
import { parseTargets } from '../scan/logic/targets.ts';

export interface UnitOptions {
  /** the program, by absolute paths, with what it needs before our own words */
  program: readonly string[];
  site: string;
  server: string;
  name: string | null;
  only: readonly string[];
  never: readonly string[];
  path: string;
}

/** Where the token of the first start may stand; only root reads it. */
export const tokenFile = (site: string): string => `/etc/lastember/scanner-${site}.env`;

/** Letters that systemd would read as something else, and nothing that ends a line. */
function quoted(text: string): string {
  if (/\p{Cc}/u.test(text)) throw new TypeError(`there is a control character in ${JSON.stringify(text)}`);
  return `"${text.replace(/["\\]/g, '\\$&').replaceAll('%', '%%').replaceAll('$', '$$$$')}"`;
}

/**
 * systemd unit of a scanner. It connects and writes its own state, so it runs as a user that exists only while it runs, and
 * may nothing else. Single packets (`--path syn`) need raw sockets, which it gets where they are asked for.
 */
// MemoryDenyWriteExecute is missing: V8 compiles. Netlink: Node reads by it which networks the machine is in.
export function scannerUnit(options: UnitOptions): string {
  const site = SiteName.parse(options.site);
  // A typing mistake is told here, and not by a service that will not start.
  parseTargets([...options.only, ...options.never], { confirmWide: true });
  const many = (flag: string, values: readonly string[]): string[] => values.flatMap((value) => [flag, value]);
  const argv = [
    'scanner',
    ...many('--site', [site]),
    ...many('--server', [options.server]),
    ...many('--data', [`/var/lib/lastember-scanner-${site}`]),
    ...many('--name', options.name === null ? [] : [options.name]),
    ...many('--path', options.path === 'auto' ? [] : [options.path]),
    ...many('--only', options.only),
    ...many('--never', options.never),
  ];
  const command = [...options.program, ...argv].map(quoted).join(' ');
  const raw = options.path === 'syn' ? 'CAP_NET_RAW' : '';
  return `[Unit]
Description=Lastember scanner of site ${site}
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart=${command}
EnvironmentFile=-${tokenFile(site)}
Restart=on-failure
RestartSec=30
DynamicUser=yes
StateDirectory=lastember-scanner-${site}
StateDirectoryMode=0700
UMask=0077
LimitCORE=0
CapabilityBoundingSet=${raw}
AmbientCapabilities=${raw}
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
PrivateDevices=yes
PrivateTmp=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service

[Install]
WantedBy=multi-user.target
`;
}
