/** One of us to the next in its place, or to its child; for nobody after that. */
const HANDED = { waiting: 'LASTEMBER_WAIT', resumed: 'LASTEMBER_RESUME', looking: 'LASTEMBER_LOOK' } as const;
const AT_START = Object.fromEntries(
  Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || (Object.values(HANDED) as string[]).includes(name) ? [] : [[name, value]],
  ),
);

/** The only reader of the environment in the agent. */
export interface AgentEnv {
  /** where the host's tree is mounted, when the agent does not run in it itself */
  hostRoot: string;
  /** for the first start where the settings have none, as in an image */
  token: string | null;
  /** number of the process that starts us again; when it is gone, another of us may be on its way */
  supervisor: number | null;
  /** digest of the program that was chosen to run in place of the installed one; null: it is that one */
  program: string | null;
  /** digest of a program that is to be tried out in this process; null: none is */
  trying: string | null;
  /** see `idle/handover.ts`: what to wait with, what to go on with, what a look begins with */
  waiting: string | null;
  resumed: string | null;
  looking: string | null;
}

export function readEnv(): AgentEnv {
  const supervisor = Number(process.env['LASTEMBER_SUPERVISOR']);
  return {
    hostRoot: process.env['LASTEMBER_HOST_ROOT'] || '/',
    token: process.env['LASTEMBER_TOKEN'] || null,
    supervisor: Number.isInteger(supervisor) && supervisor > 1 ? supervisor : null,
    program: process.env['LASTEMBER_PROGRAM'] || null,
    trying: process.env['LASTEMBER_TRIAL'] || null,
    waiting: process.env[HANDED.waiting] || null,
    resumed: process.env[HANDED.resumed] || null,
    looking: process.env[HANDED.looking] || null,
  };
}

const OWN = [
  'MALLOC_ARENA_MAX',
  'UV_THREADPOOL_SIZE',
  'LASTEMBER_TOKEN',
  'LASTEMBER_SUPERVISOR',
  'LASTEMBER_SUPERVISE',
  'LASTEMBER_PROGRAM',
  'LASTEMBER_TRIAL',
  ...Object.values(HANDED),
];

/** What was meant for our own start goes no further: what a command of ours starts would inherit it. */
export function forgetOwnEnv(): void {
  for (const name of OWN) delete process.env[name];
}

/** As it was when this program began, for one that takes our place or is started by us. */
export const wholeEnv = (): Record<string, string> => ({ ...AT_START });

/** As it was, without the choice of a program, and with what is handed on. */
export function envFor(handed: Partial<Record<keyof typeof HANDED, string>> = {}): Record<string, string> {
  const { LASTEMBER_PROGRAM: _chosen, LASTEMBER_TRIAL: _tried, ...env } = wholeEnv();
  for (const [name, text] of Object.entries(handed)) env[HANDED[name as keyof typeof HANDED]] = text;
  return env;
}

/** Tells a program that is loaded into this process that it was chosen. */
export function chooseProgram(digest: string): void {
  process.env['LASTEMBER_PROGRAM'] = digest;
}
