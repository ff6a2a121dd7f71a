import type { Actor } from '../../../model/actor.ts';
import { AppError } from '../../../model/errors/index.ts';
import { type Notice, type Notifier, NotifierChannel, type NotifierInput } from '../../../model/notice.ts';
import { oneLine } from '../../../model/text.ts';
import type { Platform } from '../../../platform/context.ts';
import { channelProblem, deliver, whereTo } from './channels.ts';
import { withoutSecrets } from './mask.ts';
import { deleteNotifier, insertNotifier, notifierRow, type NotifierRow, notifierRows } from './store.ts';

/** What of a channel goes into the vault. */
const SECRETS: Record<NotifierChannel['kind'], readonly string[]> = {
  webhook: ['key'],
  chat: ['url'],
  email: ['password'],
};

export async function listNotifiers(platform: Platform): Promise<Notifier[]> {
  return (await notifierRows(platform.db)).map(toNotifier);
}

async function mustFindNotifier(platform: Platform, ref: string): Promise<NotifierRow> {
  const row = await notifierRow(platform.db, ref);
  if (!row) throw new AppError('NOT_FOUND', { what: 'notifier', id: ref, list: 'notify list' });
  return row;
}

export async function addNotifier(platform: Platform, actor: Actor, input: NotifierInput): Promise<Notifier> {
  const { name, channel, topics, gather } = input;
  const problem = channelProblem(channel);
  if (problem) throw new AppError('NOTIFIER_INVALID', { name, why: problem });
  const parts = Object.entries(channel).filter(([key, value]) => key !== 'kind' && value !== undefined);
  const isSecret = ([key]: [string, unknown]): boolean => SECRETS[channel.kind].includes(key);
  const secrets = Object.fromEntries(parts.filter(isSecret));
  const settings = { ...Object.fromEntries(parts.filter((part) => !isSecret(part))), to: whereTo(channel) };
  const id = platform.newId('notifier');
  const subject = { kind: 'notifier' as const, id, name };
  const detail = { kind: channel.kind, to: settings.to, topics, gather };
  await platform.act(actor, { type: 'trail.notifier.added', subject, detail }, async (tx) => {
    const secret = Object.keys(secrets).length > 0 ? await platform.vault.put(tx, JSON.stringify(secrets)) : null;
    const row = {
      id,
      name,
      kind: channel.kind,
      settings: channel.kind === 'email' ? { ...settings, to: channel.to } : settings,
      secret_id: secret,
      topics,
      gather,
      created_at: tx.now,
      created_by: actor.name,
    };
    if (!(await insertNotifier(tx.db, row))) throw new AppError('NOTIFIER_EXISTS', { name });
    await tx.publish('documents', { notifierId: id });
  });
  return toNotifier(await mustFindNotifier(platform, id));
}

export async function removeNotifier(platform: Platform, actor: Actor, ref: string): Promise<void> {
  const { id, name, secret_id: secret } = await mustFindNotifier(platform, ref);
  const subject = { kind: 'notifier' as const, id, name };
  await platform.act(actor, { type: 'trail.notifier.removed', subject }, async (tx) => {
    await deleteNotifier(tx.db, id);
    if (secret) await platform.vault.remove(tx, secret);
    await tx.publish('documents', { notifierId: id });
  });
}

/** Sends a message that says it is a test, now. Throws NOTIFIER_FAILED with what the other side said. */
export async function testNotifier(platform: Platform, actor: Actor, ref: string): Promise<Notifier> {
  const row = await mustFindNotifier(platform, ref);
  const title = 'Lastember: a test';
  const notice: Notice = {
    format: 'lastember/notice/v1',
    id: platform.newId('notice'),
    at: platform.now().toISOString(),
    title,
    text: `${title}\n- ${oneLine(actor.name, 100)} tried whether messages arrive here. They do.`,
    counts: {},
    events: [],
    more: 0,
    from: 0,
    until: 0,
    url: platform.config.publicUrl,
  };
  const error = await sendTo(platform, row, notice);
  if (error !== null) throw new AppError('NOTIFIER_FAILED', { name: row.name, why: error });
  return toNotifier(row);
}

/** Null: the other side has taken it. Else what went wrong, without secrets. */
export async function sendTo(platform: Platform, row: NotifierRow, notice: Notice): Promise<string | null> {
  let secrets: Record<string, string> = {};
  try {
    if (row.secret_id) secrets = await platform.vault.use(row.secret_id, async (text) => JSON.parse(text) as never);
    const channel = NotifierChannel.parse(channelFields(row, secrets));
    await deliver(channel, notice, platform.now(), platform.config.checkpointOrigin);
    return null;
  } catch (error) {
    return oneLine(withoutSecrets((error as Error).message, Object.values(secrets)), 300);
  }
}

function channelFields({ kind, settings }: NotifierRow, secrets: Record<string, string>): Record<string, unknown> {
  const { to, ...rest } = settings;
  return { kind, ...rest, ...(kind === 'email' ? { to } : {}), ...secrets };
}

function toNotifier(row: NotifierRow): Notifier {
  const { to } = row.settings;
  return {
    id: row.id,
    name: row.name,
    kind: row.kind,
    to: Array.isArray(to) ? to.join(', ') : String(to),
    topics: row.topics,
    gather: row.gather,
    sent: row.sent,
    lastSentAt: row.last_sent_at?.toISOString() ?? null,
    waiting: row.pending !== null,
    lastError: row.last_error,
    createdAt: row.created_at.toISOString(),
    createdBy: row.created_by,
  };
}
