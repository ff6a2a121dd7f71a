import type { Identifier } from '../../../model/estate.ts';
import { splitCsv } from '../logic/csv.ts';
import { cloudId, optional, type PushedSource, type SourceRecord } from './contract.ts';

const DAY_MS = 86_400_000;

/** Who bills, and what its machines are called on the bill. The name in the last group is the machine's own. */
const MACHINES: readonly { provider: string; pattern: RegExp; identify: boolean }[] = [
  { provider: 'aws', pattern: /^(?:arn:aws[\w-]*:ec2:[^:]*:[^:]*:instance\/)?(i-[0-9a-f]{8,17})$/i, identify: true },
  {
    provider: 'azure',
    pattern: /^\/subscriptions\/.*\/microsoft\.compute\/virtualmachines\/([^/]+)$/i,
    identify: false,
  },
  { provider: 'gcp', pattern: /^(?:\/\/)?compute\.googleapis\.com\/projects\/.*\/instances\/(\d+)$/i, identify: true },
  {
    provider: 'gcp',
    pattern: /^(?:\/\/)?compute\.googleapis\.com\/projects\/.*\/instances\/([^/]+)$/i,
    identify: false,
  },
];

/** FOCUS (FinOps Open Cost and Usage Specification) 1.0, and before it AWS's own report. */
const COLUMNS = {
  resource: ['resourceid', 'lineitem/resourceid', 'line_item_resource_id'],
  name: ['resourcename'],
  account: ['subaccountid', 'lineitem/usageaccountid', 'line_item_usage_account_id'],
  service: ['servicename', 'lineitem/productcode', 'line_item_product_code'],
  region: ['regionid', 'product/regioncode', 'product_region_code'],
  start: ['chargeperiodstart', 'lineitem/usagestartdate', 'line_item_usage_start_date'],
} as const;
type Column = keyof typeof COLUMNS;

/** Nobody forgets to write a bill: whoever is paid for is there, in whichever account. */
export const bill: PushedSource = {
  kind: 'bill',
  of: 'machines',
  how: 'pushed',
  title: 'Cloud bill',
  needs:
    'A cost export as CSV: FOCUS 1.0 (AWS, Azure, Google Cloud and others write it) or the AWS Cost and Usage Report with resource ids; pushed by a timer where it lies.',
  isList: false,
  isProof: true,
  fields: [optional('days', 'machines that were billed within so many days before the last charge', '2')],
  parse: (text, { settings, skip }) => {
    const days = Number(settings['days'] ?? '2');
    if (!Number.isFinite(days) || days <= 0) throw new Error(`days is "${settings['days']}"; it is a number above 0`);
    const charges = [...readCharges(text, skip)];
    const last = charges.reduce((newest, { start }) => Math.max(newest, start), 0);
    const records = new Map<string, SourceRecord>();
    for (const { start, ...charge } of charges) {
      if (start < last - days * DAY_MS) skip('charge of a machine that may have ended since');
      else records.set(charge.resource, recordOf(charge));
    }
    return [...records.values()];
  },
};

interface Charge {
  resource: string;
  provider: string;
  id: string;
  isIdentified: boolean;
  name: string | undefined;
  account: string | undefined;
  service: string | undefined;
  region: string | undefined;
  /** ms since 1970 */
  start: number;
}

function recordOf({ resource, provider, id, isIdentified, name, ...charge }: Omit<Charge, 'start'>): SourceRecord {
  const identifiers: Identifier[] = isIdentified ? [cloudId(provider, id)] : [];
  const where = [charge.service, charge.account && `account ${charge.account}`, charge.region];
  return {
    id: resource,
    addresses: [],
    name: name ?? (isIdentified ? undefined : id),
    identifiers,
    guess: where.filter((one) => one !== undefined && one !== '').join(', '),
  };
}

function* readCharges(text: string, skip: (why: string) => void): Generator<Charge> {
  const lines = text.split(/\r?\n/);
  const names = splitCsv((lines[0] ?? '').replace(/^\uFEFF/, '')).map((name) => name.toLowerCase());
  const place = (column: Column): number => names.findIndex((name) => COLUMNS[column].some((one) => one === name));
  const places = Object.fromEntries(Object.keys(COLUMNS).map((one) => [one, place(one as Column)]));
  for (const needed of ['resource', 'start'] as const) {
    if (places[needed] === -1)
      throw new Error(`it has no column ${COLUMNS[needed].join(' or ')}; this is no cost export with resources`);
  }
  for (const [index, line] of lines.entries()) {
    if (index === 0 || line === '') continue;
    const cells = splitCsv(line);
    const of = (column: Column): string | undefined => cells[places[column]!] || undefined;
    const resource = of('resource');
    const machine = resource === undefined ? undefined : machineOf(resource);
    if (!machine) {
      skip('charge that is for no machine');
      continue;
    }
    const start = Date.parse(of('start') ?? '');
    if (Number.isNaN(start)) throw new Error(`line ${index + 1} has "${of('start') ?? ''}" where a time should be`);
    const [account, service, region] = [of('account'), of('service'), of('region')];
    yield { resource: resource!, ...machine, name: of('name'), account, service, region, start };
  }
}

function machineOf(resource: string): Pick<Charge, 'provider' | 'id' | 'isIdentified'> | undefined {
  for (const { provider, pattern, identify } of MACHINES) {
    const id = pattern.exec(resource)?.[1];
    if (id !== undefined) return { provider, id, isIdentified: identify };
  }
  return undefined;
}
