import { importPKCS8, SignJWT } from 'jose';
import * as z from 'zod';
import { type AskedSource, type Asking, CA, cloudId, optional, secret } from './contract.ts';
import { at, bearer, pages } from './http.ts';

const Account = z.object({ client_email: z.string(), private_key: z.string(), project_id: z.string().optional() });
const Token = z.object({ access_token: z.string() });
const Instance = z.object({
  id: z.string(),
  name: z.string(),
  zone: z.string().optional(),
  machineType: z.string().optional(),
  status: z.string().optional(),
  labels: z.record(z.string(), z.string()).default({}),
  networkInterfaces: z
    .array(
      z.object({
        networkIP: z.string().optional(),
        ipv6Address: z.string().optional(),
        accessConfigs: z.array(z.object({ natIP: z.string().optional() })).default([]),
        ipv6AccessConfigs: z.array(z.object({ externalIpv6: z.string().optional() })).default([]),
      }),
    )
    .default([]),
});
const Page = z.object({
  items: z.record(z.string(), z.object({ instances: z.array(Instance).default([]) })).default({}),
  nextPageToken: z.string().optional(),
});
const SCOPE = 'https://www.googleapis.com/auth/compute.readonly';
const last = (path: string | undefined): string => path?.split('/').at(-1) ?? '';

/** Google Compute Engine, API v1: one aggregated list over all zones of a project. */
export const gcp: AskedSource = {
  kind: 'gcp',
  of: 'machines',
  how: 'asked',
  title: 'Google Compute Engine',
  needs: 'A key (JSON) of a service account with the role roles/compute.viewer on each project.',
  isList: false,
  fields: [
    { ...secret('service-account', 'the whole JSON file of the key'), lines: true },
    optional('projects', 'ids of projects, with commas between; without it, the one of the key'),
    optional('url', 'where the API is', 'https://compute.googleapis.com'),
    optional('token-url', 'where tokens come from', 'https://oauth2.googleapis.com/token'),
    CA,
  ],
  async *read(asking) {
    const account = accountOf(asking.secrets['service-account']!);
    const projects = (asking.settings['projects'] ?? account.project_id ?? '').split(',').map((one) => one.trim());
    if (projects[0] === '') throw new Error('neither the settings nor the key name a project');
    const headers = bearer(await token(asking, account));
    for (const project of projects) {
      const base = at(
        asking.settings['url']!,
        `/compute/v1/projects/${encodeURIComponent(project)}/aggregated/instances`,
      );
      const zones = pages(`${base}?maxResults=500`, async (url) => {
        const page = Page.parse(await asking.http.ask(url, { headers }));
        const next = page.nextPageToken
          ? `${base}?maxResults=500&pageToken=${encodeURIComponent(page.nextPageToken)}`
          : null;
        return { items: Object.values(page.items).flatMap((zone) => zone.instances), next };
      });
      for await (const instance of zones) {
        yield {
          id: instance.id,
          name: instance.name,
          addresses: instance.networkInterfaces
            .flatMap((card) => [
              card.networkIP,
              card.ipv6Address,
              ...card.accessConfigs.map((one) => one.natIP),
              ...card.ipv6AccessConfigs.map((one) => one.externalIpv6),
            ])
            .filter((one) => one !== undefined),
          identifiers: [cloudId('gcp', instance.id)],
          tags: instance.labels,
          guess: `Compute Engine ${last(instance.machineType) || 'instance'}`,
          evidence: { project, zone: last(instance.zone), state: instance.status ?? '' },
        };
      }
    }
  },
};

function accountOf(text: string): z.infer<typeof Account> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error('the key of the service account is no JSON; give the whole file');
  }
  const parsed = Account.safeParse(json);
  if (!parsed.success) throw new Error('the key of the service account lacks client_email or private_key');
  return parsed.data;
}

/** RFC 7523: a signed assertion for a token that lives an hour. */
async function token({ settings, http, now }: Asking, account: z.infer<typeof Account>): Promise<string> {
  const seconds = Math.floor(now.getTime() / 1000);
  const assertion = await new SignJWT({ scope: SCOPE })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT' })
    .setIssuer(account.client_email)
    .setAudience(settings['token-url']!)
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + 3600)
    .sign(await importPKCS8(account.private_key, 'RS256'));
  const reply = await http.ask(settings['token-url']!, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion }).toString(),
  });
  return Token.parse(reply).access_token;
}
