import { AwsV4Signer } from 'aws4fetch';
import { XMLParser } from 'fast-xml-parser';
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

const VERSION = '2016-11-15';
const PAGES = 10_000;
const list = <T extends z.ZodType>(item: T) =>
  z.preprocess(
    (value) => (value === '' || value === undefined ? { item: [] } : value),
    z.object({ item: z.array(item) }),
  );
const Tag = z.object({ key: z.string(), value: z.string().default('') });
const Instance = z.object({
  instanceId: z.string(),
  instanceState: z.object({ name: z.string() }),
  instanceType: z.string().optional(),
  privateIpAddress: z.string().optional(),
  ipAddress: z.string().optional(),
  placement: z.object({ availabilityZone: z.string().optional() }).optional(),
  tagSet: list(Tag),
  networkInterfaceSet: list(
    z.object({
      macAddress: z.string().optional(),
      privateIpAddressesSet: list(
        z.object({
          privateIpAddress: z.string(),
          association: z.object({ publicIp: z.string().optional() }).optional(),
        }),
      ),
      ipv6AddressesSet: list(z.object({ ipv6Address: z.string() })),
    }),
  ),
});
type Instance = z.infer<typeof Instance>;
const Reply = z.object({
  DescribeInstancesResponse: z.object({
    reservationSet: list(z.object({ instancesSet: list(Instance) })),
    nextToken: z.string().optional(),
  }),
});
/** Ids and tags are texts, whatever they look like; `item` repeats. No entity of the document's own is followed. */
const parser = new XMLParser({
  parseTagValue: false,
  processEntities: true,
  ignoreAttributes: true,
  isArray: (name) => name === 'item',
});

/** AWS EC2 through its query API (DescribeInstances, API version 2016-11-15), each request signed with SigV4. */
export const aws: AskedSource = {
  kind: 'aws',
  of: 'machines',
  how: 'asked',
  title: 'AWS EC2',
  needs: 'An access key of an IAM user with one permission: ec2:DescribeInstances on every resource.',
  isList: false,
  fields: [
    setting('regions', 'regions, with commas between, such as eu-central-1,us-east-1'),
    setting('access-key-id', 'id of the access key'),
    secret('secret-access-key', 'the secret access key'),
    optional('url', 'where the API is; {region} stands for the region', 'https://ec2.{region}.amazonaws.com'),
    CA,
  ],
  async *read(asking) {
    for (const region of asking.settings['regions']!.split(',').map((one) => one.trim())) {
      for await (const instance of instances(asking, region)) {
        // One that was terminated is listed for an hour, without an address.
        if (instance.instanceState.name === 'terminated') asking.skip('instance that is terminated');
        else yield recordOf(instance, region);
      }
    }
  },
};

async function* instances(asking: Asking, region: string): AsyncGenerator<Instance> {
  let next: string | undefined;
  for (let page = 0; page === 0 || next !== undefined; page++) {
    if (page >= PAGES) throw new Error(`EC2 in ${region} has no last page`);
    const reply: z.infer<typeof Reply> = Reply.parse(parser.parse(await describe(asking, region, next)));
    const { reservationSet, nextToken } = reply.DescribeInstancesResponse;
    for (const reservation of reservationSet.item) yield* reservation.instancesSet.item;
    next = nextToken || undefined;
  }
}

async function describe({ settings, secrets, http }: Asking, region: string, next?: string): Promise<string> {
  const url = `${settings['url']!.replaceAll('{region}', region).replace(/\/+$/, '')}/`;
  const body = new URLSearchParams({
    Action: 'DescribeInstances',
    Version: VERSION,
    MaxResults: '1000',
    ...(next ? { NextToken: next } : {}),
  }).toString();
  const signed = await new AwsV4Signer({
    url,
    method: 'POST',
    body,
    headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    accessKeyId: settings['access-key-id']!,
    secretAccessKey: secrets['secret-access-key']!.trim(),
    service: 'ec2',
    region,
  }).sign();
  const headers = Object.fromEntries(signed.headers);
  return (await http.ask(url, { method: 'POST', body, headers, as: 'text' })) as string;
}

function recordOf(instance: Instance, region: string): SourceRecord {
  const cards = instance.networkInterfaceSet.item;
  const tags = Object.fromEntries(instance.tagSet.item.map(({ key, value }) => [key, value]));
  const addresses = cards.flatMap((card) => [
    ...card.privateIpAddressesSet.item.flatMap((one) => [one.privateIpAddress, one.association?.publicIp]),
    ...card.ipv6AddressesSet.item.map((one) => one.ipv6Address),
  ]);
  return {
    id: instance.instanceId,
    name: tags['Name'] || undefined,
    addresses: [instance.privateIpAddress, instance.ipAddress, ...addresses].filter((one) => one !== undefined),
    identifiers: [cloudId('aws', instance.instanceId), ...cards.flatMap((card) => macOf(card.macAddress))],
    tags,
    guess: `EC2 ${instance.instanceType ?? 'instance'}`,
    evidence: { region, zone: instance.placement?.availabilityZone ?? region, state: instance.instanceState.name },
  };
}
