import { join } from 'node:path';
import { startProcess, type Supervised } from '../process.ts';
import type { Authority } from './client.ts';
import type { AuthorityOptions } from './main.ts';

export type { Authority } from './client.ts';

/** Starts the demo's certificate authority in a process of its own. */
export async function startAuthority(
  options: AuthorityOptions,
): Promise<{ authority: Authority; process: Supervised }> {
  const started = await startProcess({
    name: 'the certificate authority',
    script: join(import.meta.dirname, 'main.ts'),
    args: [JSON.stringify(options)],
  });
  const said = JSON.parse(started.firstLine) as Omit<Authority, 'provisioner'>;
  return { authority: { ...said, provisioner: options.provisioner }, process: started };
}
