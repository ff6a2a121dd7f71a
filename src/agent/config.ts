import * as z from 'zod';
import { AppError } from '../model/errors/index.ts';
import { readText, type Host } from '../host/host.ts';

/** What the deployment leaves on the host. The token is taken out as soon as it has done its work. */
export const AgentConfig = z.object({
  server: z.url({ protocol: /^https$/ }),
  /** certificate of the authority that the server's certificate must come from */
  ca: z.string(),
  token: z.string().optional(),
  /** the login that the agent was deployed by: no change may lock it out */
  login: z.object({ user: z.string(), method: z.enum(['publickey', 'password']).nullable() }).optional(),
  /** false: this host looks at nobody, whatever a scope of the server says */
  patrols: z.boolean().default(true),
  stateDir: z.string().startsWith('/').default('/var/lib/lastember'),
  /** how long an update may take to reach the server before the program of before runs again */
  trialSeconds: z.number().int().min(1).max(86_400).default(300),
  /** how long after its last work the agent stays whole before a smaller program waits in its place */
  restSeconds: z.number().int().min(0).max(86_400).default(60),
});
export type AgentConfig = z.infer<typeof AgentConfig>;

export async function loadConfig(host: Host, path: string): Promise<AgentConfig> {
  const text = await readText(host, path, 262_144);
  if (text === null) throw new AppError('AGENT_CONFIG', { path, why: 'there is no such file' });
  try {
    return AgentConfig.parse(JSON.parse(text));
  } catch (cause) {
    throw new AppError('AGENT_CONFIG', { path, why: (cause as Error).message }, { cause });
  }
}

export async function wipeToken(host: Host, path: string, config: AgentConfig): Promise<void> {
  const { token: _spent, ...rest } = config;
  await host.write(path, Buffer.from(`${JSON.stringify(rest, null, 2)}\n`), 0o600);
}
