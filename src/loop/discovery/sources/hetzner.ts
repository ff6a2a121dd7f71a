import * as z from 'zod';
import { type AskedSource, CA, cloudId, macOf, optional, secret } from './contract.ts';
import { at, bearer, pages } from './http.ts';

const Page = z.object({
  servers: z.array(
    z.object({
      id: z.number(),
      name: z.string(),
      public_net: z.object({
        ipv4: z.object({ ip: z.string() }).nullish(),
        ipv6: z.object({ ip: z.string() }).nullish(),
      }),
      private_net: z
        .array(
          z.object({ ip: z.string(), alias_ips: z.array(z.string()).default([]), mac_address: z.string().nullish() }),
        )
        .default([]),
      server_type: z.object({ name: z.string() }).nullish(),
      labels: z.record(z.string(), z.string()).default({}),
    }),
  ),
  meta: z.object({ pagination: z.object({ next_page: z.number().nullable() }) }),
});

/** Hetzner Cloud's API v1. A server owns a whole /64; `::1` of it is what its images configure. */
export const hetzner: AskedSource = {
  kind: 'hetzner',
  of: 'machines',
  how: 'asked',
  title: 'Hetzner Cloud',
  needs: 'An API token of the project with the permission Read.',
  isList: false,
  fields: [secret('token', 'the API token'), optional('url', 'where the API is', 'https://api.hetzner.cloud'), CA],
  async *read({ settings, secrets, http }) {
    const first = at(settings['url']!, '/v1/servers?per_page=50&page=1');
    const servers = pages(first, async (url) => {
      const page = Page.parse(await http.ask(url, { headers: bearer(secrets['token']!) }));
      const next = page.meta.pagination.next_page;
      return {
        items: page.servers,
        next: next === null ? null : at(settings['url']!, `/v1/servers?per_page=50&page=${next}`),
      };
    });
    for await (const server of servers) {
      const { ipv4, ipv6 } = server.public_net;
      yield {
        id: String(server.id),
        name: server.name,
        addresses: [
          ...(ipv4 ? [ipv4.ip] : []),
          ...(ipv6 ? [ipv6.ip.replace(/::\/64$/, '::1')] : []),
          ...server.private_net.flatMap((net) => [net.ip, ...net.alias_ips]),
        ],
        identifiers: [
          cloudId('hetzner', String(server.id)),
          ...server.private_net.flatMap((net) => macOf(net.mac_address)),
        ],
        tags: server.labels,
        guess: server.server_type ? `Hetzner ${server.server_type.name}` : 'Hetzner Cloud server',
      };
    }
  },
};
