import { parseArgs } from 'node:util';

export interface DemoOptions {
  /** run to the end, approve as the demo's approver, print a summary, exit */
  once: boolean;
  /** one JSON document on standard output, the account on standard error */
  json: boolean;
  /** leave everything up after `--once` */
  keep: boolean;
  port: number;
  agentPort: number;
  /** second number of the hosts' addresses: two demos can run at once */
  net: number;
}

export const HELP = `npm run demo -- [--once] [--json] [--keep] [--port N]

Starts Lastember and a demo estate of real hosts on loopback addresses, and walks the whole loop on it.
  --once   approve with the demo approver's own key, run to the end and exit 0 only if every claim held
  --json   print one JSON document on standard output; progress goes to standard error
  --keep   with --once: leave the estate and the console up afterwards; ends with Ctrl-C, not by itself
  --port   port of the console (default 7414); --agent-port: of the agents' listener (default 7415)
  --net    the hosts are 127.N.14.10 and so on (default 74)
`;

export function demoOptions(argv: string[]): DemoOptions | 'help' {
  const { values } = parseArgs({
    args: argv,
    options: {
      once: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      port: { type: 'string', default: '7414' },
      'agent-port': { type: 'string', default: '7415' },
      net: { type: 'string', default: '74' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  const { once, json, keep } = values;
  return {
    once,
    json,
    keep,
    port: number('--port', values.port, 65_535),
    agentPort: number('--agent-port', values['agent-port'], 65_535),
    net: number('--net', values.net, 254),
  };
}

function number(flag: string, text: string, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > max)
    throw new Error(`${flag} takes a number from 1 to ${max}, not "${text}".`);
  return value;
}
