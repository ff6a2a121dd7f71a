import type { CloudFacts, DmiFacts } from '../../model/facts.ts';
import { readText, type Host } from '../host.ts';
import { cut } from '../text.ts';

/** How the firmware of each cloud's machines signs. */
const BY_DMI: [string, (dmi: DmiFacts) => boolean][] = [
  [
    'aws',
    (dmi) =>
      says(dmi.vendor, 'Amazon EC2') || says(dmi.biosVendor, 'Amazon EC2') || /amazon$/i.test(dmi.biosVersion ?? ''),
  ],
  ['gcp', (dmi) => says(dmi.product, 'Google Compute Engine')],
  ['azure', (dmi) => dmi.assetTag === '7783-7084-3265-9085-8269-3286-77'],
  ['oracle', (dmi) => says(dmi.assetTag, 'OracleCloud.com')],
  ['alibaba', (dmi) => says(dmi.vendor, 'Alibaba Cloud') || says(dmi.product, 'Alibaba Cloud ECS')],
  ['digitalocean', (dmi) => says(dmi.vendor, 'DigitalOcean')],
  ['hetzner', (dmi) => says(dmi.vendor, 'Hetzner')],
  ['vultr', (dmi) => says(dmi.vendor, 'Vultr')],
  ['akamai', (dmi) => says(dmi.vendor, 'Linode') || says(dmi.vendor, 'Akamai')],
  ['scaleway', (dmi) => says(dmi.vendor, 'Scaleway')],
  ['upcloud', (dmi) => says(dmi.vendor, 'UpCloud')],
  ['exoscale', (dmi) => says(dmi.product, 'Exoscale')],
  ['openstack', (dmi) => says(dmi.product, 'OpenStack') || says(dmi.vendor, 'OpenStack Foundation')],
];
const says = (field: string | null, word: string): boolean => (field ?? '').startsWith(word);

/** cloud-init's names for what others call otherwise; those that name no cloud at all are null. */
const BY_NAME: Record<string, string | null> = {
  aliyun: 'alibaba',
  configdrive: null,
  ec2: 'aws',
  gce: 'gcp',
  linode: 'akamai',
  lxd: null,
  nocloud: null,
  none: null,
  ovf: null,
  unknown: null,
  wsl: null,
};
/** Some of them put the instance's id where machines have a serial number. */
const SERIAL_IS_ID = new Set(['digitalocean', 'hetzner', 'vultr']);
const AT = '/run/cloud-init/instance-data.json';

/** The cloud this machine is of, and what it is called there, from the disk alone. */
export async function readCloud(host: Host, dmi: DmiFacts | null): Promise<CloudFacts | null> {
  const told = await cloudInit(host);
  const byDmi = dmi === null ? null : (BY_DMI.find(([, matches]) => matches(dmi))?.[0] ?? null);
  const provider = told.provider ?? byDmi;
  if (provider === null) return null;
  return {
    provider,
    instanceId: told.instanceId ?? (await idFile(host)) ?? idByDmi(provider, dmi),
    instanceType: told.instanceType ?? (provider === 'aws' ? (dmi?.product ?? null) : null),
    region: told.region,
    zone: told.zone,
    image: told.image,
  };
}

type Told = { [K in keyof CloudFacts]: string | null };

/** The file that everybody may read: cloud-init keeps user data and keys in another one. */
async function cloudInit(host: Host): Promise<Told> {
  const data = record(json(await readText(host, AT, 4 * 1024 * 1024)));
  const v1 = record(data['v1']);
  const meta = record(record(data['ds'])['meta_data']);
  const name = (text(v1, 'cloud_name') ?? text(v1, 'cloud-name'))?.toLowerCase() ?? null;
  return {
    provider: name === null ? null : Object.hasOwn(BY_NAME, name) ? BY_NAME[name]! : name,
    instanceId: realId(text(v1, 'instance_id') ?? text(v1, 'instance-id')),
    instanceType: text(meta, 'instance-type') ?? text(meta, 'instance_type'),
    region: text(v1, 'region'),
    zone: text(v1, 'availability_zone') ?? text(v1, 'availability-zone'),
    image: text(meta, 'ami-id') ?? text(meta, 'image-id') ?? text(meta, 'image'),
  };
}

const idFile = async (host: Host): Promise<string | null> =>
  realId((await readText(host, '/var/lib/cloud/data/instance-id', 4096))?.trim() ?? null);

/** `iid-datasource-none` and the like are what cloud-init writes when nobody told it. */
const realId = (id: string | null): string | null =>
  id === null || id === '' || /datasource-none|^nocloud$/.test(id) ? null : id;

function idByDmi(provider: string, dmi: DmiFacts | null): string | null {
  if (provider === 'aws' && /^i-[0-9a-f]+$/.test(dmi?.assetTag ?? '')) return dmi!.assetTag;
  return SERIAL_IS_ID.has(provider) ? (dmi?.serial ?? null) : null;
}

function json(source: string | null): unknown {
  try {
    return source === null ? null : JSON.parse(source);
  } catch {
    return null;
  }
}

const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
const text = (from: Record<string, unknown>, key: string): string | null => {
  const value = from[key];
  return typeof value === 'string' && value !== '' ? cut(value, 200) : null;
};
