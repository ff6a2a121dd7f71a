import { parseArgs } from 'node:util';

const OPTIONS = {
  config: { type: 'string', default: '/etc/lastember/agent.json' },
  once: { type: 'boolean', default: false },
  'pid-file': { type: 'string', default: '' },
  'keep-config': { type: 'boolean', default: false },
  force: { type: 'boolean', default: false },
  reason: { type: 'string', default: 'lastember-agent was told so on the host' },
  help: { type: 'boolean', default: false },
  version: { type: 'boolean', default: false },
} as const;

/** Throws at words that it does not know. */
export const readOptions = (argv: string[]) => parseArgs({ args: argv, options: OPTIONS, allowPositionals: true });

export const configPathOf = (argv: string[]): string => readOptions(argv).values.config;
