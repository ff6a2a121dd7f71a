import * as z from 'zod';
import { MAY } from '../../model/actor.ts';
import { AlarmRequest, CheckpointReply } from '../../model/agent.ts';
import { AppError, isAppError } from '../../model/errors/index.ts';
import {
  Checkpoint,
  ConsistencyProof,
  InclusionProof,
  SequencedEntry,
  TrailAlarm,
  TrailVerdict,
} from '../../model/trail.ts';
import type { Platform } from '../../platform/context.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { listAlarms, raiseAlarm } from './alarms.ts';
import { documentRoutes } from './documents/routes.ts';
import { readPage, subjectKeyOf, toSequenced } from './entries.ts';
import { exportText } from './export.ts';
import { verifierLine, withSigner } from './key.ts';
import { verifyLive } from './live.ts';
import { checkpointText, signNote } from './logic/note.ts';
import { EMPTY_ROOT } from './logic/tree.ts';
import { entriesBetween, latestCheckpoint, type StoredCheckpoint } from './store.ts';
import { consistencyProof, inclusionProof } from './tree.ts';

const ListQuery = z
  .object({
    subject: z.string().max(200).optional(),
    /** same as subject `host:ID` */
    host: z.string().max(200).optional(),
    /** types, comma-separated; `change` means all that begin with `change.` */
    type: z.string().max(500).optional(),
    since: z.iso.datetime().optional(),
    until: z.iso.datetime().optional(),
    before: z.coerce.number().int().nonnegative().optional(),
    limit: z.coerce.number().int().min(1).max(5000).default(100),
  })
  .strict();
const Index = z.object({ index: z.coerce.number().int().nonnegative() });
const Size = z.coerce.number().int().nonnegative();

export function trailRoutes(platform: Platform): Route[] {
  return [
    ...entryRoutes(platform),
    ...proofRoutes(platform),
    ...wholeRoutes(platform),
    ...documentRoutes(platform),
    // Last: its :index would swallow the names above in routers that take the first match.
    entryRoute(platform),
  ];
}

function entryRoutes(platform: Platform): Route[] {
  return [
    route({
      method: 'GET',
      path: '/trail',
      id: 'listTrail',
      summary: 'Entries, newest first; filtered by what they are about, type and time',
      access: MAY.read,
      query: ListQuery,
      reply: z.object({ items: z.array(SequencedEntry), total: z.number().int() }),
      handler: ({ query }) =>
        readPage(platform.db, {
          order: 'newest',
          limit: query.limit,
          ...(query.subject || query.host ? { subjects: subjectsOf(query) } : {}),
          ...(query.type ? { types: query.type.split(',').map((type) => type.replace(/\.$/, '')) } : {}),
          ...(query.since ? { since: new Date(query.since) } : {}),
          ...(query.until ? { until: new Date(query.until) } : {}),
          ...(query.before === undefined ? {} : { before: query.before }),
        }),
    }),
    route({
      method: 'GET',
      path: '/trail/alarms',
      id: 'listTrailAlarms',
      summary: 'Agents that were offered a history which does not continue the one they saw',
      access: MAY.read,
      reply: z.object({ items: z.array(TrailAlarm) }),
      handler: async () => ({ items: await listAlarms(platform, 1000) }),
    }),
  ];
}

function subjectsOf(query: { subject?: string | undefined; host?: string | undefined }): string[] {
  return [
    ...(query.subject ? [subjectKeyOf(query.subject)] : []),
    ...(query.host ? [subjectKeyOf(`host:${query.host}`)] : []),
  ];
}

function entryRoute(platform: Platform): Route {
  return route({
    method: 'GET',
    path: '/trail/:index',
    id: 'getTrailEntry',
    summary: 'One entry with the exact text that is hashed',
    access: MAY.read,
    params: Index,
    reply: SequencedEntry.extend({ text: z.string() }),
    handler: async ({ params }) => {
      const [row] = await entriesBetween(platform.db, params.index, params.index + 1);
      const entry = row && toSequenced(row);
      if (!entry) throw new AppError('NOT_FOUND', { what: 'trail entry', id: params.index, list: 'trail list' });
      return { ...entry, text: row.bytes!.toString('utf8') };
    },
  });
}

function proofRoutes(platform: Platform): Route[] {
  return [
    route({
      method: 'GET',
      path: '/trail/checkpoint',
      id: 'getTrailCheckpoint',
      summary: 'The newest signed tree head: its parts, and the C2SP note as it stands',
      access: MAY.read,
      reply: Checkpoint,
      handler: async () => toCheckpoint(await need(platform), platform),
    }),
    route({
      method: 'GET',
      path: '/trail/checkpoint.txt',
      id: 'getTrailCheckpointText',
      summary: 'The newest signed tree head as text, for witnesses',
      access: MAY.read,
      raw: true,
      handler: async () => ({ contentType: 'text/plain; charset=utf-8', body: (await need(platform)).text }),
    }),
    route({
      method: 'GET',
      path: '/trail/proof/inclusion',
      id: 'getInclusionProof',
      summary: 'RFC 6962 audit path of an entry in the newest tree, or the tree of `size`',
      access: MAY.read,
      query: z.object({ index: Size, size: Size.optional() }).strict(),
      reply: InclusionProof,
      handler: async ({ query }) => {
        const last = await need(platform);
        const size = query.size ?? last.size;
        if (size > last.size || query.index >= size) {
          throw new AppError('TRAIL_SIZE', { what: `entry ${query.index} in ${size}`, size: last.size });
        }
        return inclusionProof(platform.db, query.index, size);
      },
    }),
    route({
      method: 'GET',
      path: '/trail/proof/consistency',
      id: 'getConsistencyProof',
      summary: 'RFC 6962 proof that the tree of `from` entries is a prefix of the tree of `to` (default: newest)',
      access: MAY.read,
      query: z.object({ from: Size, to: Size.optional() }).strict(),
      reply: ConsistencyProof,
      handler: async ({ query }) => {
        const last = await need(platform);
        const to = query.to ?? last.size;
        if (to > last.size || query.from > to) {
          throw new AppError('TRAIL_SIZE', { what: `consistency of ${query.from} with ${to}`, size: last.size });
        }
        return consistencyProof(platform.db, query.from, to);
      },
    }),
  ];
}

function wholeRoutes(platform: Platform): Route[] {
  return [
    route({
      method: 'GET',
      path: '/trail/key',
      id: 'getTrailKey',
      summary: 'C2SP verifier key of the checkpoints: pin it',
      access: MAY.read,
      reply: z.object({ verifierKey: z.string() }),
      handler: async () => ({ verifierKey: await verifierLine(platform) }),
    }),
    route({
      method: 'GET',
      path: '/trail/export',
      id: 'exportTrail',
      summary: 'The whole trail as a file for the offline verifier, one JSON object a line',
      access: MAY.read,
      raw: true,
      handler: async () => ({
        contentType: 'application/x-ndjson; charset=utf-8',
        headers: { 'content-disposition': 'attachment; filename="trail.jsonl"' },
        body: exportText(platform),
      }),
    }),
    route({
      method: 'GET',
      path: '/trail/verify',
      id: 'verifyTrail',
      summary: 'Compare the ledger as it lies in the database with the signed tree and what is remembered outside',
      access: MAY.read,
      reply: TrailVerdict,
      handler: () => verifyLive(platform),
    }),
  ];
}

async function need(platform: Platform): Promise<StoredCheckpoint> {
  const last = await latestCheckpoint(platform.db);
  if (!last) throw new AppError('TRAIL_EMPTY');
  return last;
}

export function toCheckpoint(stored: StoredCheckpoint, platform: Platform): z.infer<typeof Checkpoint> {
  return {
    text: stored.text,
    origin: stored.text.split('\n')[0] ?? platform.config.checkpointOrigin,
    size: stored.size,
    root: stored.root.toString('hex'),
  };
}

/**
 * What an agent that saw `size` entries is shown. A history that became shorter, or whose nodes are gone, is shown as it
 * is, with no proof: the agent draws its own conclusion, and must not be kept from it by an error of ours.
 */
export async function checkpointFor(platform: Platform, size: number): Promise<z.infer<typeof CheckpointReply>> {
  const last = await latestCheckpoint(platform.db);
  if (!last) return { checkpoint: await emptyCheckpoint(platform), consistency: [] };
  if (size >= last.size) return { checkpoint: last.text, consistency: [] };
  try {
    return { checkpoint: last.text, consistency: (await consistencyProof(platform.db, size, last.size)).path };
  } catch (error) {
    if (!isAppError(error, 'TRAIL_NODE_MISSING')) throw error;
    platform.log.error({ err: error }, 'the trail cannot be proven to an agent');
    return { checkpoint: last.text, consistency: [] };
  }
}

async function emptyCheckpoint(platform: Platform): Promise<string> {
  return withSigner(platform, async ({ name, privateKey }) =>
    signNote(checkpointText(name, 0, EMPTY_ROOT), name, privateKey),
  );
}

/** The agents' side, on the mutual-TLS listener. */
export function trailAgentRoutes(platform: Platform): Route[] {
  return [
    route({
      method: 'GET',
      path: '/checkpoint',
      id: 'agentCheckpoint',
      summary: 'The newest checkpoint, and the proof that it continues the one the agent saw',
      access: 'agent',
      query: z.object({ size: Size.default(0) }),
      reply: CheckpointReply,
      handler: ({ query }) => checkpointFor(platform, query.size),
    }),
    route({
      method: 'POST',
      path: '/alarms',
      id: 'agentAlarm',
      summary: 'An agent reports a history that does not continue the one it saw',
      access: 'agent',
      body: AlarmRequest,
      reply: z.object({ ok: z.literal(true) }),
      handler: async ({ agent, body }) => {
        await raiseAlarm(platform, agent!, body);
        return { ok: true as const };
      },
    }),
  ];
}
