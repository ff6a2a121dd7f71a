/** The only reader of the environment in the agent. */
export interface AgentEnv {
  /** where the host's tree is mounted, when the agent does not run in it itself */
  hostRoot: string;
  /** number of the process that starts us again; when it is gone, another of us may be on its way */
  supervisor: number | null;
}

export function readEnv(): AgentEnv {
  const supervisor = Number(process.env['LASTEMBER_SUPERVISOR']);
  return {
    hostRoot: process.env['LASTEMBER_HOST_ROOT'] || '/',
    supervisor: Number.isInteger(supervisor) && supervisor > 1 ? supervisor : null,
  };
}

/** What was meant for our own start goes no further: what a command of ours starts would inherit it. */
export function forgetOwnEnv(): void {
  for (const name of ['MALLOC_ARENA_MAX', 'UV_THREADPOOL_SIZE', 'LASTEMBER_SUPERVISOR']) delete process.env[name];
}

/** For a program that takes our place. */
export const wholeEnv = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
