import * as z from 'zod';
import { MAY } from '../../model/actor.ts';
import { PublicKeys } from '../../model/key.ts';
import type { Platform } from '../../platform/context.ts';
import { route, type Route } from '../../platform/http/route.ts';
import type { Discovery } from '../discovery/index.ts';
import { listKeys } from './store-key-list.ts';

const Flag = z.enum(['true', 'false']);
const MOST = 500;

export function keyRoutes({ db }: Pick<Platform, 'db'>, discovery: Pick<Discovery, 'loggedCertificates'>): Route[] {
  return [
    route({
      method: 'GET',
      path: '/public-keys',
      id: 'listPublicKeys',
      summary: 'Public keys over hosts, files, TLS and SSH: where each is, whether it burnt, and what has it',
      access: MAY.read,
      query: z
        .object({
          /** its name, or how it begins */
          key: z
            .string()
            .regex(/^(?:[0-9a-f]{1,64}|SHA256:[A-Za-z0-9+/]{0,43})$/)
            .optional(),
          host: z.string().max(100).optional(),
          shared: Flag.optional(),
          burnt: Flag.optional(),
          limit: z.coerce.number().int().min(1).max(MOST).default(100),
        })
        .strict(),
      reply: PublicKeys,
      handler: ({ query: { key, host, shared, burnt, limit } }) =>
        listKeys(
          db,
          { key, hostId: host, shared: shared === 'true', burnt: burnt === 'true', limit },
          discovery.loggedCertificates,
        ),
    }),
  ];
}
