import { join } from 'node:path';
import * as z from 'zod';
import { MAY } from '../../../model/actor.ts';
import { DocumentFormat, DocumentKind, DocumentRef } from '../../../model/trail.ts';
import type { Platform } from '../../../platform/context.ts';
import { route, type Route } from '../../../platform/http/route.ts';
import { subjectsOfType, renderedDocuments } from '../store.ts';
import { fileName, FORMATS, prove } from './render.ts';

/** A document exists for everything that has one of these entries. */
const BEGINNINGS: Record<DocumentKind, string[]> = {
  campaign: ['change.campaign.out', 'change.campaign.rekindled'],
  change: ['change.change.created'],
  host: ['discovery.host.found'],
};

export function documentRoutes(platform: Platform): Route[] {
  return [
    route({
      method: 'GET',
      path: '/documents',
      id: 'listDocuments',
      summary: 'Change records, campaign reports and host dossiers, newest first',
      access: MAY.read,
      query: z.object({ kind: DocumentKind.optional() }).strict(),
      reply: z.object({ items: z.array(DocumentRef) }),
      handler: async ({ query }) => ({ items: await listDocuments(platform, query.kind) }),
    }),
    route({
      method: 'GET',
      path: '/documents/:kind/:id',
      id: 'getDocument',
      summary: 'A document as the trail tells it now, with the proof of every entry it names',
      access: MAY.read,
      params: z.object({ kind: DocumentKind, id: z.string().min(1).max(200) }),
      query: z.object({ format: DocumentFormat.default('html') }).strict(),
      raw: true,
      handler: async ({ params, query }) => {
        const { document } = await prove(platform, params.kind, params.id);
        const { contentType, render } = FORMATS[query.format];
        const name = fileName(params.kind, params.id, query.format);
        return {
          contentType,
          headers: {
            // Data from the estate is in it: whatever a host calls itself, nothing may run or load.
            'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'",
            'x-content-type-options': 'nosniff',
            'content-disposition': `inline; filename="${name}"`,
          },
          body: render(document),
        };
      },
    }),
  ];
}

async function listDocuments(platform: Platform, only?: DocumentKind): Promise<z.infer<typeof DocumentRef>[]> {
  const rendered = await renderedDocuments(platform.db);
  const found = new Map<string, z.infer<typeof DocumentRef>>();
  for (const kind of DocumentKind.options) {
    for (const subject of await subjectsOfType(platform.db, BEGINNINGS[kind])) {
      const { id, name, at } = subject;
      found.set(`${kind}/${id}`, { kind, id, title: name ?? id, at: at.toISOString(), entries: 0, files: [] });
    }
  }
  for (const row of rendered) {
    found.set(`${row.kind}/${row.id}`, {
      kind: DocumentKind.parse(row.kind),
      id: row.id,
      title: row.title,
      at: row.at.toISOString(),
      entries: row.entries,
      files: row.files.map((file) => ({ ...file, path: join(platform.config.dataDir, file.path) })),
    });
  }
  return [...found.values()]
    .filter((item) => only === undefined || item.kind === only)
    .toSorted((a, b) => b.at.localeCompare(a.at));
}
