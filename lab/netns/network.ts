/** The lab's network: one namespace with the bridges, one for each host, and nothing in the machine's own. */
import { existsSync } from 'node:fs';
import { must } from './command.ts';
import { namespaceOf, netnsPath, type Place } from './place.ts';
import { LAB_ADDRESS, NETWORK, type HostSpec } from './spec.ts';

export const PREFIX = 24;
/** Where a machine of its own is plugged in; its address is its own affair. */
export const TAP = 'tap0';
const CABLE = [
  'link add cable type bridge forward_delay 0',
  `tuntap add dev ${TAP} mode tap`,
  'link set eth0 master cable up',
  `link set ${TAP} master cable up`,
  'link set cable up',
];
export const bridgeOf = (place: Place, segment: number): string => `${place.name}${segment}`;

/** The lab's own namespace has an address on the first bridge only: what is on the second is behind the bastion. */
export async function makeBridges(place: Place): Promise<void> {
  if (existsSync(netnsPath(place.name))) return;
  await must(['ip', 'netns', 'add', place.name]);
  await noForwarding(place.name);
  const [near, far] = [bridgeOf(place, 0), bridgeOf(place, 1)];
  await batch(place.name, [
    'link set lo up',
    `link add ${near} type bridge forward_delay 0`,
    `link add ${far} type bridge forward_delay 0`,
    `addr add ${LAB_ADDRESS}/${PREFIX} dev ${near}`,
    `link set ${near} up`,
    `link set ${far} up`,
  ]);
}

/** No route leads out of a host: it reaches what is on its own segments. */
export async function makeHostNetwork(place: Place, spec: HostSpec): Promise<void> {
  const namespace = namespaceOf(place, spec.name);
  await must(['ip', 'netns', 'add', namespace]);
  await noForwarding(namespace);
  const outside = spec.legs.flatMap(({ segment }, index) => {
    const port = `${spec.name}${index === 0 ? '' : `.${index}`}`;
    return [
      `link add ${port} type veth peer name eth${index} netns ${namespace}`,
      `link set ${port} master ${bridgeOf(place, segment)} up`,
    ];
  });
  const inside = spec.machine
    ? CABLE
    : spec.legs.flatMap(({ segment, number }, index) => [
        `addr add ${NETWORK}.${segment}.${number}/${PREFIX} dev eth${index}`,
        `link set eth${index} up`,
      ]);
  await batch(place.name, outside);
  await batch(namespace, ['link set lo up', ...inside]);
}

const batch = (namespace: string, lines: string[]): Promise<string> =>
  must(['ip', '-n', namespace, '-batch', '-'], { input: `${lines.join('\n')}\n` });

/** A new namespace takes over the machine's setting, and a machine with containers forwards. */
const noForwarding = (namespace: string): Promise<string> =>
  must(['nsenter', `--net=${netnsPath(namespace)}`, 'sh', '-c', 'echo 0 >/proc/sys/net/ipv4/ip_forward']);
