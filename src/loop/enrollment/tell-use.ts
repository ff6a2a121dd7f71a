import { systemActor } from '../../model/actor.ts';
import type { Host } from '../../model/estate.ts';
import type { Platform } from '../../platform/context.ts';
import { isOnce } from './logic/once.ts';
import type { CredentialRow } from './store-login.ts';

/** Each use of such a login stands on the trail, whether it was accepted or not. */
export async function tellUse(
  platform: Platform,
  row: CredentialRow,
  host: Host,
  use: { address: string; port: number; accepted: boolean },
): Promise<void> {
  if (!isOnce(row.name)) return;
  const entry = {
    type: 'enrollment.credential.used',
    subject: { kind: 'credential' as const, id: row.id, name: row.name },
    related: [{ kind: 'host' as const, id: host.id, name: host.name }],
    detail: { username: row.username, ...use },
  };
  await platform.act(systemActor('enrollment.deploy'), entry, async () => {});
}
