import * as z from 'zod';
import { systemActor, type Actor } from '../../model/actor.ts';
import { type Deployment, DeploymentInput } from '../../model/deployment.ts';
import type { Platform } from '../../platform/context.ts';
import type { Discovery } from '../discovery/index.ts';
import { addCredential, removeCredential } from './credentials.ts';
import { createDeployment } from './make-deployment.ts';
import { isOnce, onceName } from './logic/once.ts';
import { usesOfCredentials } from './store-deployments.ts';
import { credentials } from './store-login.ts';

const Login = {
  username: z.string().min(1).max(64),
  become: z.enum(['sudo', 'doas']).optional(),
};
/** A login that is used for this deployment, and erased when it has ended. */
export const OnceInput = DeploymentInput.omit({
  credentials: true,
  agentless: true,
  unknown: true,
  tag: true,
  retryOf: true,
})
  .extend({
    hostIds: z.array(z.string()).min(1).max(10_000),
    login: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('password'), password: z.string().min(1).max(1024), ...Login }).strict(),
      z
        .object({
          kind: z.literal('private-key'),
          privateKey: z.string().min(1).max(32_768),
          passphrase: z.string().max(1024).optional(),
          ...Login,
        })
        .strict(),
    ]),
  })
  .strict();
export type OnceInput = z.infer<typeof OnceInput>;

/** Somebody who ended between making a login and using it leaves it for no longer than this. */
const UNUSED_MS = 60_000;

/** The login lies in the vault, for these hosts only, until the deployment has ended; nobody can use it for another. */
export async function deployOnce(
  platform: Platform,
  discovery: Discovery,
  actor: Actor,
  { login, ...input }: OnceInput,
): Promise<Deployment> {
  const name = onceName(platform.newId('once'));
  await addCredential(platform, discovery, actor, { ...login, name, for: input.hostIds });
  try {
    return await createDeployment(
      platform,
      discovery,
      actor,
      { ...input, credentials: [name], agentless: false },
      { once: true },
    );
  } catch (error) {
    await removeCredential(platform, actor, name);
    throw error;
  }
}

/** After each deployment and by timer: logins whose deployment has ended are erased. */
export async function eraseOnce(platform: Platform): Promise<void> {
  const rows = (await credentials(platform.db)).filter(({ name }) => isOnce(name));
  if (rows.length === 0) return;
  const uses = await usesOfCredentials(
    platform.db,
    rows.map((row) => row.id),
  );
  const tooOld = platform.now().getTime() - UNUSED_MS;
  for (const row of rows) {
    const isOpen = uses.get(row.id) ?? row.created_at.getTime() > tooOld;
    if (isOpen) continue;
    await removeCredential(platform, systemActor('enrollment.once'), row.name).catch((error: unknown) => {
      // Another worker was faster, or somebody uses it after all: the others go, and so does what comes after.
      platform.log.warn({ error, credential: row.name }, 'a login for one deployment could not be erased');
    });
  }
}
