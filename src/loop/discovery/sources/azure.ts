import * as z from 'zod';
import {
  type AskedSource,
  type Asking,
  CA,
  cloudId,
  macOf,
  optional,
  secret,
  setting,
  type SourceRecord,
} from './contract.ts';
import { at, bearer, pages } from './http.ts';

const Token = z.object({ access_token: z.string() });
const Vm = z.object({
  id: z.string(),
  name: z.string(),
  location: z.string().optional(),
  tags: z.record(z.string(), z.string()).default({}),
  properties: z.object({
    vmId: z.string(),
    hardwareProfile: z.object({ vmSize: z.string().optional() }).optional(),
  }),
});
const Card = z.object({
  properties: z.object({
    virtualMachine: z.object({ id: z.string() }).nullish(),
    macAddress: z.string().nullish(),
    ipConfigurations: z
      .array(
        z.object({
          properties: z.object({
            privateIPAddress: z.string().nullish(),
            publicIPAddress: z.object({ id: z.string() }).nullish(),
          }),
        }),
      )
      .default([]),
  }),
});
type Card = z.infer<typeof Card>;
const PublicAddress = z.object({ id: z.string(), properties: z.object({ ipAddress: z.string().nullish() }) });

/** Azure's Resource Manager. Its ids differ in case from place to place. */
export const azure: AskedSource = {
  kind: 'azure',
  of: 'machines',
  how: 'asked',
  title: 'Microsoft Azure',
  needs: 'An app registration with a client secret and the role Reader on each subscription.',
  isList: false,
  fields: [
    setting('tenant', 'id of the directory (tenant)'),
    setting('client', 'id of the application (client)'),
    secret('client-secret', 'a client secret of it'),
    setting('subscriptions', 'ids of subscriptions, with commas between'),
    optional('url', 'where the Resource Manager is', 'https://management.azure.com'),
    optional('login-url', 'where tokens come from', 'https://login.microsoftonline.com'),
    CA,
  ],
  async *read(asking) {
    const headers = bearer(await token(asking));
    for (const subscription of asking.settings['subscriptions']!.split(',').map((one) => one.trim())) {
      const all = <T extends z.ZodType>(path: string, version: string, item: T) =>
        walk(
          asking,
          headers,
          `/subscriptions/${encodeURIComponent(subscription)}/providers/${path}?api-version=${version}`,
          item,
        );
      const publicOnes = new Map<string, string>();
      for await (const one of all('Microsoft.Network/publicIPAddresses', '2024-05-01', PublicAddress))
        if (one.properties.ipAddress) publicOnes.set(one.id.toLowerCase(), one.properties.ipAddress);
      const cards = new Map<string, Card[]>();
      for await (const card of all('Microsoft.Network/networkInterfaces', '2024-05-01', Card)) {
        const vm = card.properties.virtualMachine?.id.toLowerCase();
        if (vm) cards.set(vm, [...(cards.get(vm) ?? []), card]);
      }
      for await (const vm of all('Microsoft.Compute/virtualMachines', '2024-07-01', Vm))
        yield recordOf(vm, cards.get(vm.id.toLowerCase()) ?? [], publicOnes);
    }
  },
};

async function token({ settings, secrets, http }: Asking): Promise<string> {
  const reply = await http.ask(
    at(settings['login-url']!, `/${encodeURIComponent(settings['tenant']!)}/oauth2/v2.0/token`),
    {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: settings['client']!,
        client_secret: secrets['client-secret']!.trim(),
        scope: at(settings['url']!, '/.default'),
      }).toString(),
    },
  );
  return Token.parse(reply).access_token;
}

function walk<T extends z.ZodType>({ settings, http }: Asking, headers: Record<string, string>, path: string, item: T) {
  const Page = z.object({ value: z.array(item), nextLink: z.string().optional() });
  return pages<z.infer<T>>(at(settings['url']!, path), async (url) => {
    const page = Page.parse(await http.ask(url, { headers }));
    return { items: page.value as z.infer<T>[], next: page.nextLink ?? null };
  });
}

function recordOf(vm: z.infer<typeof Vm>, cards: Card[], publicOnes: ReadonlyMap<string, string>): SourceRecord {
  const addresses = cards.flatMap((card) =>
    card.properties.ipConfigurations.flatMap(({ properties }) => [
      properties.privateIPAddress,
      publicOnes.get(properties.publicIPAddress?.id.toLowerCase() ?? ''),
    ]),
  );
  return {
    id: vm.properties.vmId,
    name: vm.name,
    addresses: addresses.filter((one) => typeof one === 'string'),
    identifiers: [cloudId('azure', vm.properties.vmId), ...cards.flatMap((card) => macOf(card.properties.macAddress))],
    tags: vm.tags,
    guess: `Azure ${vm.properties.hardwareProfile?.vmSize ?? 'virtual machine'}`,
    ...(vm.location ? { evidence: { region: vm.location } } : {}),
  };
}
