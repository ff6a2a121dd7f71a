const AT_START = Object.fromEntries(
  Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
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
}

export function readEnv(): AgentEnv {
  const supervisor = Number(process.env['LASTEMBER_SUPERVISOR']);
  return {
    hostRoot: process.env['LASTEMBER_HOST_ROOT'] || '/',
    token: process.env['LASTEMBER_TOKEN'] || null,
    supervisor: Number.isInteger(supervisor) && supervisor > 1 ? supervisor : null,
    program: process.env['LASTEMBER_PROGRAM'] || null,
    trying: process.env['LASTEMBER_TRIAL'] || null,
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
];

/** What was meant for our own start goes no further: what a command of ours starts would inherit it. */
export function forgetOwnEnv(): void {
  for (const name of OWN) delete process.env[name];
}

/** As it was when this program began, for one that takes our place or is started by us. */
export const wholeEnv = (): Record<string, string> => ({ ...AT_START });

/** Tells a program that is loaded into this process that it was chosen. */
export function chooseProgram(digest: string): void {
  process.env['LASTEMBER_PROGRAM'] = digest;
}
