import * as z from 'zod';
import { MAY } from '../../model/actor.ts';
import { AppError } from '../../model/errors/index.ts';
import { FindingState } from '../../model/finding.ts';
import { type RawReply, route, type Route } from '../../platform/http/route.ts';
import type { FindingFilter } from './face.ts';
import type { Judge } from './judge-host.ts';
import { findingsCsv, findingsJsonLines } from './logic/export/findings.ts';
import { gathered } from './logic/export/json.ts';
import { findingsSarif } from './logic/export/sarif.ts';
import { sbom } from './logic/export/sbom.ts';
import { cycloneDxVex, openVex } from './logic/export/vex.ts';
import { refuseUnknown } from './refuse-unknown.ts';
import { findingsToExport, newestKnowledge, standingExceptions, vexStatements } from './store-export.ts';
import { readFacts } from './store-facts.ts';

const Text = z.string().min(1).max(100);
const FINDINGS = {
  csv: { write: findingsCsv, contentType: 'text/csv; charset=utf-8' },
  jsonl: { write: findingsJsonLines, contentType: 'application/x-ndjson; charset=utf-8' },
  sarif: { write: findingsSarif, contentType: 'application/sarif+json' },
} as const;
const VEX = {
  cyclonedx: { write: cycloneDxVex, contentType: 'application/vnd.cyclonedx+json; version=1.6' },
  openvex: { write: openVex, contentType: 'application/json' },
} as const;

type Context = Pick<Judge, 'platform' | 'discovery' | 'kits' | 'exceptionEnds'>;

export const exportRoutes = (context: Context): Route[] => [
  findingsRoute(context),
  sbomRoute(context),
  vexRoute(context),
];

const file = (name: string, contentType: string, body: AsyncIterable<string>): RawReply => ({
  contentType,
  headers: { 'content-disposition': `attachment; filename="${name}"` },
  body: gathered(body),
});

const findingsRoute = ({ platform: { db }, kits, exceptionEnds }: Context): Route =>
  route({
    method: 'GET',
    path: '/export/findings',
    id: 'exportFindings',
    summary: 'Findings as a file: SARIF 2.1.0, CSV or JSON lines',
    access: MAY.read,
    query: z
      .object({
        format: z.enum(['csv', 'jsonl', 'sarif']),
        kit: Text.optional(),
        host: Text.optional(),
        state: z.union([FindingState, z.array(FindingState)]).optional(),
      })
      .strict(),
    raw: true,
    handler: async ({ query: { format, kit, host, state } }) => {
      const filter: FindingFilter = { kit, hostId: host, ...(state === undefined ? {} : { states: [state].flat() }) };
      await refuseUnknown(db, kits, { kit });
      const { write, contentType } = FINDINGS[format];
      return file(`findings.${format}`, contentType, write(findingsToExport(db, filter, exceptionEnds)));
    },
  });

const sbomRoute = ({ platform: { db }, discovery }: Context): Route =>
  route({
    method: 'GET',
    path: '/export/hosts/:id/sbom',
    id: 'exportSbom',
    summary: 'All packages, libraries and snaps of a host as a CycloneDX 1.6 bill of materials',
    access: MAY.read,
    params: z.object({ id: Text }).strict(),
    query: z.object({ format: z.enum(['cyclonedx']) }).strict(),
    raw: true,
    handler: async ({ params: { id }, query: { format } }) => {
      const host = await discovery.host(id);
      if (!host) throw new AppError('NOT_FOUND', { what: 'host', id, list: 'hosts' });
      const { sections, meta } = await readFacts(db, id, ['os', 'packages', 'inventories', 'snaps']);
      if (!sections.packages || !meta.packages) {
        const why = `the packages of ${host.name} were never collected; \`lastember deploy ${host.name}\` puts an agent there`;
        throw new AppError('NOTHING_TO_EXPORT', { why });
      }
      const body = sbom({
        host: { id, name: host.name },
        at: new Date(meta.packages.collectedAt).toISOString(),
        os: sections.os ?? null,
        packages: sections.packages,
        inventories: sections.inventories ?? null,
        snaps: sections.snaps ?? null,
      });
      return file(`sbom.${format}.json`, 'application/vnd.cyclonedx+json; version=1.6', body);
    },
  });

const vexRoute = ({ platform: { db, config }, discovery }: Context): Route =>
  route({
    method: 'GET',
    path: '/export/vex',
    id: 'exportVex',
    summary: 'What is affected, not affected, fixed or under investigation on the estate: OpenVEX or CycloneDX',
    access: MAY.read,
    query: z.object({ format: z.enum(['cyclonedx', 'openvex']), cve: Text.optional() }).strict(),
    raw: true,
    handler: async ({ query: { format, cve } }) => {
      const advisory = cve?.toUpperCase();
      const hosts = await discovery.briefs();
      const statements = vexStatements(db, hosts, advisory);
      const first = await statements.next();
      const at = await newestKnowledge(db);
      // A document without a statement is none, by its own schema.
      if (first.done || at === null)
        throw new AppError('NOTHING_TO_EXPORT', {
          why: `neither a finding nor a feed says anything of what is installed here${advisory === undefined ? '' : ` about ${advisory}`}; \`lastember feed list\` shows what feeds there are`,
        });
      const { write, contentType } = VEX[format];
      const heading = {
        at: at.toISOString(),
        origin: `${config.checkpointOrigin} ${advisory ?? ''} ${await standingExceptions(db)}`,
      };
      return file(`vex.${format}.json`, contentType, write(heading, resumed(first.value, statements)));
    },
  });

async function* resumed<T>(first: T, rest: AsyncIterable<T>): AsyncGenerator<T> {
  yield first;
  yield* rest;
}
