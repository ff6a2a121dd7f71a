/** Faults on demand. Each is of one host only, and of nothing outside the lab's namespaces. */
import { must } from './command.ts';
import { execIn } from './inside.ts';
import type { Place } from './place.ts';
import type { HostSpec } from './spec.ts';

export const FAULTS = {
  partition: 'HOST: nobody reaches it, and it reaches nobody',
  slow: 'HOST [--delay 100ms] [--loss 5%]: of what is sent to it and by it',
  clock: 'HOST +SECONDS or -SECONDS: its wall clock, for what starts from now on and for the agent, which starts anew',
  heal: 'HOST: ends partition, slow and clock',
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
  /** seconds that the clock is ahead, with a sign */
  offset: string | null;
  delay: string;
  loss: string;
}

const SIGNALS = { kill: 'KILL', freeze: 'STOP', thaw: 'CONT' } as const;
const FILLER = '/var/tmp/lab-fault-fill';

/** What one command of the host does, whatever it says. */
const INSIDE = {
  // Ends when there is no room left; that is no error here.
  fill: { argv: ['sh', '-c', `cat /dev/zero >${FILLER} 2>/dev/null; true`], said: 'has no room on its disk' },
  empty: { argv: ['rm', '-f', FILLER], said: 'has room again' },
  reboot: { argv: ['reboot'], said: 'reboots' },
} as const;

/** Does it, and says in one line what was done. */
export async function inject(place: Place, { kind, host, pattern, offset, delay, loss }: Fault): Promise<string> {
  const { name } = host;
  if (kind === 'fill' || kind === 'empty' || kind === 'reboot') {
    await execIn(place, name, INSIDE[kind].argv);
    return `${name} ${INSIDE[kind].said}`;
  }
  switch (kind) {
    case 'partition':
      await onPorts(place, host, (port) => [`link set ${port} down`]);
      return `${name} is cut off`;
    case 'slow':
      await shaped(place, host, `netem delay ${delay} loss ${loss}`);
      return `${name}: ${delay} later each way, ${loss} lost`;
    case 'clock':
      await clock(place, name, offset!);
      return `the clock of ${name} is ${offset} seconds off`;
    case 'heal':
      await onPorts(place, host, (port) => [`link set ${port} up`]);
      await shaped(place, host, null);
      await clock(place, name, 'heal');
      return `${name} is reached again`;
    case 'kill':
    case 'freeze':
    case 'thaw':
      return signalled(place, name, SIGNALS[kind], pattern ?? '');
  }
}

async function signalled(place: Place, host: string, signal: string, pattern: string): Promise<string> {
  const { code } = await execIn(place, host, ['pkill', `-${signal}`, '-f', '--', pattern]);
  // 1: nothing matched, which is what somebody who injects a fault wants to hear.
  if (code !== 0) throw new Error(`Nothing on ${host} matches "${pattern}".`);
  return `${host}: ${signal} to what matches "${pattern}"`;
}

async function clock(place: Place, host: string, to: string): Promise<void> {
  const { code, stderr, stdout } = await execIn(place, host, ['/usr/local/lib/lab/clock.sh', to]);
  if (code !== 0) throw new Error(`The clock of ${host} stays: ${(stderr || stdout).trim().slice(-500)}`);
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
