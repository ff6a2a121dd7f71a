import type { Actor } from '../../model/actor.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Source, SourceField, SourceInput } from '../../model/source.ts';
import type { Platform } from '../../platform/context.ts';
import { urlProblem } from '../../platform/http/outgoing.ts';
import { checkSchedule } from './logic/schedule.ts';
import type { SourceMember } from './sources/contract.ts';
import { SOURCES } from './sources/registry.ts';
import { deleteSource, insertSource, sourceRow, type SourceRow, sourceRows, toSource } from './store-sources.ts';

/** Once an hour, a little after the full one. */
const EVERY = '17 * * * *';

export async function listSources(platform: Platform): Promise<Source[]> {
  return (await sourceRows(platform.db)).map((row) => toSource(row, platform.now()));
}

export async function mustFindSource(platform: Platform, ref: string): Promise<SourceRow> {
  const row = await sourceRow(platform.db, ref);
  if (!row) throw new AppError('NOT_FOUND', { what: 'source', id: ref, list: 'source list' });
  return row;
}

export async function addSource(platform: Platform, actor: Actor, input: SourceInput): Promise<Source> {
  const member = SOURCES[input.kind];
  const invalid = (why: string): AppError =>
    new AppError('SOURCE_INVALID', { name: input.name, kind: input.kind, why });
  const problem = problemOf(member, input);
  if (problem) throw invalid(problem);
  const every = member.how === 'pushed' ? null : input.every === undefined ? EVERY : input.every;
  if (every !== null) checkSchedule(every);
  const id = platform.newId('source');
  const secretNames = Object.keys(input.secrets).toSorted();
  const detail = { kind: input.kind, settings: input.settings, secrets: secretNames, every };
  const subject = { kind: 'source' as const, id, name: input.name };
  await platform.act(actor, { type: 'discovery.source.added', subject, detail }, async (tx) => {
    const secret = secretNames.length > 0 ? await platform.vault.put(tx, JSON.stringify(input.secrets)) : null;
    const row = {
      id,
      name: input.name,
      kind: input.kind,
      settings: input.settings,
      secret_id: secret,
      secret_names: secretNames,
      every,
      created_at: tx.now,
      created_by: actor.name,
    };
    if (!(await insertSource(tx.db, row))) throw new AppError('SOURCE_EXISTS', { name: input.name });
    if (member.how === 'asked') await tx.enqueue('discovery.source', { sourceId: id }, { singletonKey: id });
    await tx.publish('hosts', { sourceId: id });
  });
  return toSource(await mustFindSource(platform, id), platform.now());
}

/** What is wrong with what was given, in words; null: nothing. */
function problemOf({ fields, how }: SourceMember, { settings, secrets, every }: SourceInput): string | null {
  const known = new Map(fields.map((field) => [field.name, field]));
  for (const [given, secret] of [[settings, false] as const, [secrets, true] as const]) {
    for (const [name, value] of Object.entries(given)) {
      const field = known.get(name);
      if (!field) return `it knows no "${name}"`;
      if (field.secret !== secret) return `"${name}" is ${field.secret ? 'a secret' : 'no secret'}`;
      const wrong = wrongValue(field, value);
      if (wrong) return wrong;
    }
  }
  const missing = fields.filter((field) => field.required && !(field.name in settings) && !(field.name in secrets));
  if (missing.length > 0)
    return `${missing.map(({ name }) => `"${name}"`).join(' and ')} ${missing.length > 1 ? 'are' : 'is'} missing`;
  if (how === 'pushed' && every) return 'it is pushed, so it has no schedule';
  return null;
}

function wrongValue({ name, secret, lines, choices }: SourceField, value: string): string | null {
  if (choices && !choices.includes(value)) return `"${name}" is one of ${choices.join(', ')}, not "${value}"`;
  if (/^(?:.+-)?url$/.test(name)) return urlProblem(value.replaceAll('{region}', 'region'));
  // eslint-disable-next-line no-control-regex -- it is control characters that are looked for
  if (secret && !lines && /[\u0000-\u001f\u007f]/.test(value.trim())) return `"${name}" is more than one line`;
  return null;
}

export async function removeSource(platform: Platform, actor: Actor, ref: string): Promise<void> {
  const { id, name, kind, secret_id: secret, push_secret_id: file } = await mustFindSource(platform, ref);
  const subject = { kind: 'source' as const, id, name };
  await platform.act(actor, { type: 'discovery.source.removed', subject, detail: { kind } }, async (tx) => {
    await deleteSource(tx.db, id);
    for (const one of [secret, file]) if (one) await platform.vault.remove(tx, one);
    await tx.publish('hosts', { sourceId: id });
  });
}

/** Starts a run now, where none is under way. */
export async function askSource(platform: Platform, ref: string): Promise<Source> {
  const row = await mustFindSource(platform, ref);
  if (SOURCES[row.kind].how === 'pushed') {
    const why = 'it is pushed; hand its file over with `lastember source push`';
    throw new AppError('SOURCE_INVALID', { name: row.name, kind: row.kind, why });
  }
  await platform.queue.enqueue('discovery.source', { sourceId: row.id }, { singletonKey: row.id });
  return toSource(row, platform.now());
}
