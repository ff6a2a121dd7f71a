import { parseArgs } from 'node:util';
import { ALL_HOSTS, HOSTS } from './hosts.ts';
import { FAULTS, type Fault, type FaultKind } from './fault.ts';
import type { HostSpec } from './spec.ts';

export type Options =
  | { action: 'help' }
  | { action: 'up'; hosts: readonly HostSpec[]; json: boolean }
  | { action: 'down' | 'status'; json: boolean }
  | { action: 'exec'; host: string; argv: string[]; json: boolean }
  | { action: 'shell'; host: string }
  | { action: 'fault'; fault: Fault; json: boolean };

export const HELP = `npm run lab -- up [--only HOST,…] | down | status | exec HOST -- CMD… | shell HOST | fault KIND HOST   [--json]

Real Debian systems in network namespaces of their own, on one bridge. Linux, root only.
  up       starts all hosts but crowd1 to crowd20, bad1, cow1, init1, kernel1, pipe1, rc1 and small1, or those of --only; the first time it makes their root file systems
           (a minute or two)
  down     ends everything and leaves nothing behind but the cache; also after a crash
  status   what is up
  exec     runs a command inside a host as its root, and ends with its exit code
  shell    a shell inside a host
  fault    does harm to one host:
${Object.entries(FAULTS)
  .map(([kind, about]) => `             ${kind.padEnd(10)} ${about}`)
  .join('\n')}
  --json   one JSON document on standard output; what is going on goes to standard error

A program reaches the hosts from the lab's namespace: ip netns exec lemlab ssh -i /run/lastember-lab/key root@10.61.0.11
  LASTEMBER_LAB_CACHE   root file systems and packages (default /var/cache/lastember-lab)
  LASTEMBER_LAB_RUN     what this lab writes (default /run/lastember-lab)
  LASTEMBER_LAB_EMULATE 1: virtual machines (kernel1, pipe1, cow1) are played by QEMU even where the processor could run it
  LASTEMBER_LAB_NAME    of the namespace (default lemlab): two labs need two names and two run directories
`;

export function parseOptions(argv: string[]): Options {
  const split = argv.indexOf('--');
  const [before, after] = split < 0 ? [argv, []] : [argv.slice(0, split), argv.slice(split + 1)];
  const { words, offset } = apart(before);
  const { values, positionals } = parseArgs({
    args: words,
    allowPositionals: true,
    options: {
      only: { type: 'string' },
      json: { type: 'boolean', default: false },
      delay: { type: 'string', default: '100ms' },
      loss: { type: 'string', default: '5%' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const [action, host, ...rest] = positionals;
  if (values.help || action === undefined || action === 'help') return { action: 'help' };
  const { json } = values;
  if (action === 'shell') return { action, host: hostNamed(host).name };
  if (action === 'exec') return { action, json, ...command(host, [...rest, ...after]) };
  if (action === 'fault') return { action, json, fault: faultOf([host, ...rest], { ...values, offset }) };
  if (host !== undefined) throw new Error(`"${host}" is one too many for ${action}.`);
  if (action === 'up') return { action, hosts: hostsOf(values.only), json };
  if (action === 'down' || action === 'status') return { action, json };
  throw new Error(`"${action}" is none of up, down, status, exec, shell, fault.`);
}

/** -90 is none of the options. */
function apart(argv: string[]): { words: string[]; offset: string | null } {
  if (argv[0] !== 'fault' || argv[1] !== 'clock') return { words: argv, offset: null };
  const isOffset = (word: string): boolean => /^[+-]\d{1,9}$/.test(word);
  if (argv.filter(isOffset).length > 1) throw new Error(`fault clock takes ${FAULTS.clock}`);
  return { words: argv.filter((word) => !isOffset(word)), offset: argv.find(isOffset) ?? null };
}
const isFault = (kind: string): kind is FaultKind => Object.hasOwn(FAULTS, kind);
const TAKES_PATTERN: ReadonlySet<string> = new Set(['kill', 'freeze', 'thaw']);

function faultOf(
  words: readonly (string | undefined)[],
  { delay, loss, offset }: Pick<Fault, 'delay' | 'loss' | 'offset'>,
): Fault {
  const [kind = '', host, pattern = null, ...more] = words.filter((word) => word !== undefined);
  if (!isFault(kind)) throw new Error(`"${kind}" is no fault: there are ${Object.keys(FAULTS).join(', ')}.`);
  const wrong = TAKES_PATTERN.has(kind) !== (pattern !== null) || (kind === 'clock') !== (offset !== null);
  if (wrong || more.length > 0) throw new Error(`fault ${kind} takes ${FAULTS[kind]}`);
  if (!/^\d+(?:\.\d+)?(?:us|ms|s)$/.test(delay)) throw new Error(`--delay is a time such as 100ms, not "${delay}".`);
  if (!/^\d+(?:\.\d+)?%$/.test(loss)) throw new Error(`--loss is a share such as 5%, not "${loss}".`);
  return { kind, host: hostNamed(host), pattern, offset, delay, loss };
}

function command(host: string | undefined, argv: string[]): { host: string; argv: string[] } {
  if (argv.length === 0) throw new Error('exec takes a host and a command: exec web1 -- id');
  return { host: hostNamed(host).name, argv };
}

function hostsOf(only: string | undefined): readonly HostSpec[] {
  return only === undefined ? HOSTS : only.split(',').map((name) => hostNamed(name));
}

function hostNamed(name = ''): HostSpec {
  const host = ALL_HOSTS.find((spec) => spec.name === name);
  if (!host)
    throw new Error(
      `There is no host "${name}": there are ${HOSTS.map((spec) => spec.name).join(', ')}, and crowd1 to crowd20.`,
    );
  return host;
}
