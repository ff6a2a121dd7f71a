import * as z from 'zod';
import type { Actor } from '../../model/actor.ts';
import { DeploymentInput } from '../../model/deployment.ts';
import { AppError, isAppError } from '../../model/errors/index.ts';
import type { Platform } from '../../platform/context.ts';
import type { Discovery } from '../discovery/index.ts';
import { createDeployment } from './make-deployment.ts';
import { readWish, type Wish } from './logic/onboard.ts';
import { type CredentialRow, credentials } from './store-login.ts';

export const ListInput = z
  .object({
    /** one address or name a line, CSV with a header, or JSON lines; columns login and port say how to get in */
    text: z
      .string()
      .min(1)
      .max(4 * 1024 * 1024),
    /** how it is deployed; `credentials`: where a row names no login */
    ...DeploymentInput.omit({ hostIds: true, unknown: true, tag: true, retryOf: true }).shape,
  })
  .strict();
export const ListReply = z.object({
  /** false: rows are wrong, and nothing was done at all */
  imported: z.boolean(),
  rows: z.array(
    z.object({ line: z.number().int(), target: z.string(), hostId: z.string().nullable(), why: z.string().nullable() }),
  ),
  deployments: z.array(z.string()),
});
type Reply = z.infer<typeof ListReply>;

/** A longer one is cut by whoever gives it: all of it is looked at before the answer. */
const MOST = 2000;
/** Rows that are looked at from outside at one time. */
const LOOKS = 16;

/** Everything is checked before anything is written. What cannot be reached is recorded all the same, and says why. */
export async function deployList(
  platform: Platform,
  discovery: Discovery,
  actor: Actor,
  input: z.infer<typeof ListInput>,
): Promise<Reply> {
  const logins = await credentials(platform.db);
  const names = logins.map(({ name }) => name);
  const wishes = readWish(await discovery.readList(input.text), names);
  if (wishes.length > MOST) throw new AppError('DEPLOY_LIST_LONG', { rows: wishes.length, most: MOST });
  const told = (wish: Wish): Reply['rows'][number] => ({
    line: wish.line,
    target: wish.target,
    hostId: null,
    why: wish.why,
  });
  if (wishes.length === 0 || wishes.some(({ why }) => why !== null))
    return { imported: false, rows: wishes.map(told), deployments: [] };
  await discovery.importList(actor, wishes.map((wish) => JSON.stringify(wish.listed)).join('\n'));
  const found: Found[] = [];
  const queue = [...wishes];
  const lane = async (): Promise<void> => {
    for (let wish = queue.shift(); wish; wish = queue.shift())
      found.push({ wish, ...(await find(discovery, wish, mayGoThrough(logins, wish, input))) });
  };
  await Promise.all(Array.from({ length: LOOKS }, lane));
  const deployed = await deployAll(platform, discovery, actor, input, found);
  const rows = found
    .map(({ wish, hostId, why }) => ({ line: wish.line, target: wish.target, hostId, why }))
    .sort((a, b) => a.line - b.line);
  return { imported: true, rows, deployments: deployed };
}

interface Found {
  wish: Wish;
  hostId: string | null;
  why: string | null;
}

/** Is this row's login one that goes through a bastion? What only that leads to answers to nobody here. */
function mayGoThrough(
  logins: readonly CredentialRow[],
  { login }: Wish,
  { credentials: tried }: z.infer<typeof ListInput>,
): boolean {
  const names = login === null ? (tried ?? []) : [login];
  return logins.some(({ name, via }) => via !== null && names.includes(name));
}

/** Nobody logs in where the server's key was not seen first, unless a bastion leads there. */
async function find(discovery: Discovery, wish: Wish, bastion: boolean): Promise<Omit<Found, 'wish'>> {
  const host = await discovery.hostByAddress(wish.address);
  if (!host) return { hostId: null, why: 'it was not recorded' };
  const open = await discovery.endpoints({ hostId: host.id, protocol: 'ssh', state: 'open' });
  if (open.length > 0 || bastion) return { hostId: host.id, why: null };
  try {
    const seen = await discovery.probeNow(wish.address, wish.port, { judge: false });
    const isSsh = seen.probe?.protocol === 'ssh' && seen.state === 'open';
    return { hostId: host.id, why: isSsh ? null : `no SSH server answers at ${wish.address}:${wish.port}` };
  } catch (error) {
    return { hostId: host.id, why: error instanceof Error ? error.message : String(error) };
  }
}

/** One deployment for each login that rows name, and one for all that name none. */
async function deployAll(
  platform: Platform,
  discovery: Discovery,
  actor: Actor,
  input: z.infer<typeof ListInput>,
  found: Found[],
): Promise<string[]> {
  const made: string[] = [];
  const { text: _text, credentials: tried, ...how } = input;
  const ready = found.filter(({ hostId, why }) => hostId !== null && why === null);
  for (const login of new Set(ready.map(({ wish }) => wish.login))) {
    const mine = ready.filter(({ wish }) => wish.login === login);
    const names = login === null ? tried : [login];
    const hostIds = mine.map(({ hostId }) => hostId!);
    try {
      const asked = { ...how, hostIds, ...(names ? { credentials: names } : {}) };
      made.push((await createDeployment(platform, discovery, actor, asked)).id);
    } catch (error) {
      if (!isAppError(error, 'DEPLOY_NOTHING') && !isAppError(error, 'DEPLOY_NO_CREDENTIAL')) throw error;
      const why = error.code === 'DEPLOY_NOTHING' ? 'it is managed already' : error.message;
      for (const row of mine) row.why = why;
    }
  }
  return made;
}
