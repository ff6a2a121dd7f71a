import * as z from 'zod';
import { MAY } from '../../model/actor.ts';
import { Instant } from '../../model/json.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { addAuthority, AuthorityInput, removeAuthority } from './authorities.ts';
import type { Deps } from './deps.ts';
import { authorityRows, type AuthorityRow } from './store-authorities.ts';

const Authority = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.string(),
  url: z.string(),
  provisioner: z.string(),
  issuers: z.array(z.object({ subject: z.string(), spki: z.string() })),
  createdAt: Instant,
  createdBy: z.string(),
});

const view = (row: AuthorityRow): z.infer<typeof Authority> => ({
  id: row.id,
  name: row.name,
  kind: row.kind,
  url: row.url,
  provisioner: row.provisioner,
  issuers: row.issuers.map(({ subject, spki }) => ({ subject, spki })),
  createdAt: row.createdAt.toISOString(),
  createdBy: row.createdBy,
});

export function authorityRoutes({ platform, authorities }: Deps): Route[] {
  return [
    route({
      method: 'GET',
      path: '/authorities',
      id: 'listAuthorities',
      summary: 'Certificate authorities that reissue and revoke; never their keys',
      access: MAY.read,
      reply: z.object({ items: z.array(Authority) }),
      handler: async () => ({ items: (await authorityRows(platform.db)).map(view) }),
    }),
    route({
      method: 'POST',
      path: '/authorities',
      id: 'addAuthority',
      summary: "Configure a certificate authority; the provisioner's key goes into the vault and is never read back",
      access: MAY.admin,
      body: AuthorityInput,
      reply: Authority,
      status: 201,
      handler: async ({ actor, body }) => view(await addAuthority(platform, authorities, actor, body)),
    }),
    route({
      method: 'DELETE',
      path: '/authorities/:name',
      id: 'removeAuthority',
      summary: 'Forget a certificate authority and its key',
      access: MAY.admin,
      params: z.object({ name: z.string() }),
      reply: z.object({ ok: z.literal(true) }),
      handler: async ({ actor, params }) => {
        await removeAuthority(platform, actor, params.name);
        return { ok: true as const };
      },
    }),
  ];
}
