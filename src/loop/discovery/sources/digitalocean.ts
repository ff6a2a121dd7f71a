import * as z from 'zod';
import { type AskedSource, CA, cloudId, optional, secret } from './contract.ts';
import { at, bearer, pages } from './http.ts';

const Net = z.object({ ip_address: z.string() });
const Page = z.object({
  droplets: z.array(
    z.object({
      id: z.number(),
      name: z.string(),
      networks: z.object({ v4: z.array(Net).default([]), v6: z.array(Net).default([]) }),
      size_slug: z.string().nullish(),
      region: z.object({ slug: z.string() }).nullish(),
      image: z.object({ distribution: z.string().nullish(), name: z.string().nullish() }).nullish(),
      tags: z.array(z.string()).default([]),
    }),
  ),
  links: z.object({ pages: z.object({ next: z.string().optional() }).optional() }).default({}),
});

/** DigitalOcean's API v2. */
export const digitalocean: AskedSource = {
  kind: 'digitalocean',
  of: 'machines',
  how: 'asked',
  title: 'DigitalOcean',
  needs: 'A personal access token with the scope droplet:read.',
  isList: false,
  fields: [
    secret('token', 'the access token'),
    optional('url', 'where the API is', 'https://api.digitalocean.com'),
    CA,
  ],
  async *read({ settings, secrets, http }) {
    const droplets = pages(at(settings['url']!, '/v2/droplets?per_page=200'), async (url) => {
      const page = Page.parse(await http.ask(url, { headers: bearer(secrets['token']!) }));
      return { items: page.droplets, next: page.links.pages?.next ?? null };
    });
    for await (const droplet of droplets) {
      const { image, region } = droplet;
      yield {
        id: String(droplet.id),
        name: droplet.name,
        addresses: [...droplet.networks.v4, ...droplet.networks.v6].map((net) => net.ip_address),
        identifiers: [cloudId('digitalocean', String(droplet.id))],
        tags: {
          ...Object.fromEntries(droplet.tags.map((tag) => [tag, 'yes'])),
          ...(region ? { region: region.slug } : {}),
        },
        guess: [image?.distribution, image?.name].filter(Boolean).join(' ') || 'DigitalOcean droplet',
      };
    }
  },
};
