/** Faults on demand. Each is of one host only, and of nothing outside the lab's namespaces. */
import { must } from './command.ts';
import { execIn } from './inside.ts';
import type { Place } from './place.ts';
import type { HostSpec } from './spec.ts';

export const FAULTS = {
  partition: 'HOST: nobody reaches it, and it reaches nobody',
  slow: 'HOST [--delay 100ms] [--loss 5%]: of what is sent to it and by it',
  heal: 'HOST: ends partition and slow',
  kill: 'HOST PATTERN: SIGKILL to every process whose command line matches',
  freeze: 'HOST PATTERN: they stand still (SIGSTOP)',
  thaw: 'HOST PATTERN: they go on (SIGCONT)',
  fill: 'HOST: its disk is full, but for nothing',
  empty: 'HOST: takes away what fill wrote',
  reboot: 'HOST: every process ends, services start again under another boot id',
} as const;
export type FaultKind = keyof typeof FAULTS;

export interface Fault {
  kind: FaultKind;
  host: HostSpec;
  pattern: string | null;
  delay: string;
  loss: string;
}

const SIGNALS = { kill: 'KILL', freeze: 'STOP', thaw: 'CONT' } as const;
const FILLER = '/var/tmp/lab-fault-fill';

/** Does it, and says in one line what was done. */
export async function inject(place: Place, { kind, host, pattern, delay, loss }: Fault): Promise<string> {
  const { name } = host;
  switch (kind) {
    case 'partition':
      await onPorts(place, host, (port) => [`link set ${port} down`]);
      return `${name} is cut off`;
    case 'slow':
      await shaped(place, host, `netem delay ${delay} loss ${loss}`);
      return `${name}: ${delay} later each way, ${loss} lost`;
    case 'heal':
      await onPorts(place, host, (port) => [`link set ${port} up`]);
      await shaped(place, host, null);
      return `${name} is reached again`;
    case 'kill':
    case 'freeze':
    case 'thaw': {
      const ran = await execIn(place, name, ['pkill', `-${SIGNALS[kind]}`, '-f', '--', pattern ?? '']);
      // 1: nothing matched, which is what somebody who injects a fault wants to hear.
      if (ran.code !== 0) throw new Error(`Nothing on ${name} matches "${pattern}".`);
      return `${name}: ${SIGNALS[kind]} to what matches "${pattern}"`;
    }
    case 'fill':
      // Ends when there is no room left; that is no error here.
      await execIn(place, name, ['sh', '-c', `cat /dev/zero >${FILLER} 2>/dev/null; true`]);
      return `the disk of ${name} is full`;
    case 'empty':
      await execIn(place, name, ['rm', '-f', FILLER]);
      return `${name} has room again`;
    case 'reboot':
      await execIn(place, name, ['reboot']);
      return `${name} reboots`;
  }
}

const portsOf = ({ name, legs }: HostSpec): string[] =>
  legs.map((_, index) => `${name}${index === 0 ? '' : `.${index}`}`);

async function onPorts(place: Place, host: HostSpec, lines: (port: string) => string[]): Promise<void> {
  const input = `${portsOf(host).flatMap(lines).join('\n')}\n`;
  await must(['ip', '-n', place.name, '-batch', '-'], { input });
}

/** On the bridge's side of each leg and on the host's own: one for each way. */
async function shaped(place: Place, host: HostSpec, how: string | null): Promise<void> {
  const ends = portsOf(host).flatMap((port, index) => [
    [place.name, port],
    [`${place.name}-${host.name}`, `eth${index}`],
  ]);
  for (const [namespace, device] of ends) {
    const tc = ['tc', '-n', namespace!, 'qdisc'];
    if (how !== null) await must([...tc, 'replace', 'dev', device!, 'root', ...how.split(' ')]);
    else await must([...tc, 'del', 'dev', device!, 'root']).catch(() => undefined);
  }
}
