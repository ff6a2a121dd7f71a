import * as z from 'zod';
import { MAY } from '../../model/actor.ts';
import { AppError } from '../../model/errors/index.ts';
import { Sha256 } from '../../model/json.ts';
import { Framework, FRAMEWORKS, Kit } from '../../model/kit.ts';
import type { Platform } from '../../platform/context.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { installKit, removeKit } from './install-kit.ts';
import { controlsOf } from './logic/controls.ts';
import type { Shelf, ShelvedKit } from './shelf.ts';

const Id = z.object({ id: z.string().min(1).max(100) }).strict();
const LARGEST = 256 * 1024;
const LoadedKit = z.object({
  kit: Kit,
  digest: Sha256,
  origin: z.enum(['shipped', 'installed']),
  signedBy: z.string().nullable(),
});
const Control = z.object({
  framework: Framework,
  /** as people name the catalogue */
  title: z.string(),
  id: z.string(),
  checks: z.array(z.object({ kit: z.string(), check: z.string(), title: z.string(), remediation: z.boolean() })),
});

const told = ({ kit, digest, origin, signedBy }: ShelvedKit): z.infer<typeof LoadedKit> => {
  return { kit, digest, origin, signedBy };
};

export function kitRoutes(platform: Platform, shelf: Shelf): Route[] {
  const find = async (id: string): Promise<ShelvedKit> => {
    await shelf.refresh();
    const kit = shelf.all().find((one) => one.kit.kit === id);
    if (!kit) throw new AppError('NOT_FOUND', { what: 'kit', id, list: 'kit list' });
    return kit;
  };
  return [
    route({
      method: 'GET',
      path: '/kits',
      id: 'listKits',
      summary: 'Kits that hosts are judged by',
      access: MAY.read,
      reply: z.object({ items: z.array(LoadedKit) }),
      handler: async () => {
        await shelf.refresh();
        return { items: shelf.all().map(told) };
      },
    }),
    route({
      method: 'GET',
      path: '/kits/:id',
      id: 'getKit',
      summary: 'One kit with its checks and remediation',
      access: MAY.read,
      params: Id,
      reply: LoadedKit,
      handler: async ({ params }) => told(await find(params.id)),
    }),
    route({
      method: 'GET',
      path: '/controls',
      id: 'listControls',
      summary: 'Controls of CIS, NIST and PCI DSS, with the checks that serve each',
      access: MAY.read,
      query: z.object({ framework: Framework.optional(), id: z.string().max(30).optional() }).strict(),
      reply: z.object({ items: z.array(Control) }),
      handler: async ({ query: { framework, id } }) => {
        await shelf.refresh();
        const all = controlsOf(shelf.all().map(({ kit }) => kit));
        const items = all.filter(
          (one) => (framework === undefined || one.framework === framework) && (id === undefined || one.id === id),
        );
        return { items: items.map((one) => ({ ...one, title: FRAMEWORKS[one.framework] })) };
      },
    }),
    ...changes(platform, shelf, find),
  ];
}

function changes(platform: Platform, shelf: Shelf, find: (id: string) => Promise<ShelvedKit>): Route[] {
  return [
    route({
      method: 'POST',
      path: '/kits',
      id: 'installKit',
      summary: 'Takes a kit that is signed by a key of the configuration, or pinned by its digest',
      access: MAY.admin,
      body: z
        .object({
          /** kit.yaml */
          text: z.string().min(1).max(LARGEST),
          /** kit.sig */
          signature: z.string().max(200).nullable().default(null),
          digest: Sha256.nullable().default(null),
        })
        .strict(),
      // JSON writes some characters as six.
      bodyLimit: LARGEST * 6,
      reply: LoadedKit,
      status: 201,
      handler: async ({ body, actor }) => told(await find(await installKit(platform, shelf, actor, body))),
    }),
    route({
      method: 'DELETE',
      path: '/kits/:id',
      id: 'removeKit',
      summary: 'No host is judged by it any more',
      access: MAY.admin,
      params: Id,
      reply: z.object({}),
      handler: async ({ params, actor }) => {
        await shelf.refresh();
        await removeKit(platform, shelf, actor, params.id);
        return {};
      },
    }),
  ];
}
