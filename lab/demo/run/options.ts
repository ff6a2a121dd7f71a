import { parseArgs } from 'node:util';

export interface DemoOptions {
  /** run to the end, approve as the demo's approver, print a summary, exit */
  once: boolean;
  /** one JSON document on standard output, the account on standard error */
  json: boolean;
  /** leave everything up after `--once` */
  keep: boolean;
  port: number;
}

export const HELP = `npm run demo -- [--once] [--json] [--keep] [--port N]

Starts Lastember and a demo estate of real hosts on loopback addresses, and walks the whole loop on it.
  --once   approve with the demo approver's own key, run to the end and exit 0 only if every claim held
  --json   print one JSON document on standard output; progress goes to standard error
  --keep   with --once: leave the estate and the console up afterwards, until Ctrl-C
  --port   port of the console (default 7414)
`;

export function demoOptions(argv: string[]): DemoOptions | 'help' {
  const { values } = parseArgs({
    args: argv,
    options: {
      once: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      port: { type: 'string', default: '7414' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`--port takes a number from 0 to 65535, not "${values.port}".`);
  return { once: values.once, json: values.json, keep: values.keep, port };
}
