import * as z from 'zod';
import { MAY } from '../../model/actor.ts';
import { Claim } from '../../model/estate.ts';
import { MomentKind, Timeline } from '../../model/timeline.ts';
import type { Platform } from '../../platform/context.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { Replayed, ScanKey } from '../../model/scan-file.ts';
import { scanKey } from './scan-key.ts';
import { exportScan, replayScan } from './scan-file.ts';
import { timeline } from './timeline.ts';

const TimelineQuery = z
  .object({
    since: z.iso.datetime().optional(),
    until: z.iso.datetime().optional(),
    /** kinds, comma-separated */
    kind: z
      .string()
      .max(300)
      .transform((text) => text.split(','))
      .pipe(z.array(MomentKind))
      .optional(),
    host: z.string().max(100).optional(),
    claim: Claim.optional(),
    /** `next` of the page before */
    before: z.string().max(120).optional(),
    limit: z.coerce.number().int().min(1).max(2000).default(200),
  })
  .strict();

/** Files of scans are packed: this is some hundred thousand lines. */
const LONGEST_FILE = 40_000_000;

/** Scans as files. */
function fileRoutes(platform: Platform): Route[] {
  return [
    route({
      method: 'GET',
      path: '/scans/:id/export',
      id: 'exportScan',
      summary: 'What is kept of what a scan saw, as a file: gzip of one JSON object a line, signed by this server',
      access: MAY.read,
      params: z.object({ id: z.string().max(100) }),
      raw: true,
      handler: async ({ params }) => ({
        contentType: 'application/gzip',
        headers: { 'content-disposition': 'attachment; filename="scan.jsonl.gz"' },
        body: await exportScan(platform, params.id),
      }),
    }),
    route({
      method: 'GET',
      path: '/scan-key',
      id: 'getScanKey',
      summary: 'The public key that signs the files of scans of this server',
      access: MAY.read,
      reply: z.object({ key: ScanKey }),
      handler: async () => ({ key: (await scanKey(platform)).publicKey }),
    }),
    route({
      method: 'POST',
      path: '/scan-files',
      id: 'replayScan',
      summary: 'Rebuild from such a file (base64) what is not known here; twice the same changes nothing',
      access: MAY.operate,
      body: z
        .object({
          file: z.base64().max(LONGEST_FILE),
          /** of another server, whose files are believed: see `getScanKey` there */
          key: ScanKey.optional(),
          /** nobody signed it, and it is taken all the same */
          unsigned: z.boolean().default(false),
        })
        .strict(),
      bodyLimit: LONGEST_FILE + 1000,
      reply: Replayed,
      handler: ({ body, actor }) => replayScan(platform, actor, Buffer.from(body.file, 'base64'), body),
    }),
  ];
}

/** What changes in the estate, and who talks to whom in it. */
export function estateRoutes(platform: Platform): Route[] {
  return [
    ...fileRoutes(platform),
    route({
      method: 'GET',
      path: '/timeline',
      id: 'getTimeline',
      summary: 'What appeared, went, came back and changed its identity, newest first, with counts by day',
      access: MAY.read,
      query: TimelineQuery,
      reply: Timeline,
      handler: ({ query: { kind, host, ...rest } }) => timeline(platform, { ...rest, kinds: kind, hostId: host }),
    }),
  ];
}
