/** The only reader of the environment in the agent. */
export interface AgentEnv {
  /** where the host's tree is mounted, when the agent does not run in it itself */
  hostRoot: string;
  /** for the first start where the settings have none, as in an image */
  token: string | null;
}

export function readEnv(): AgentEnv {
  return {
    hostRoot: process.env['LASTEMBER_HOST_ROOT'] || '/',
    token: process.env['LASTEMBER_TOKEN'] || null,
  };
}
