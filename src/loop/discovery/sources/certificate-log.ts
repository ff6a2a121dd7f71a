import * as z from 'zod';
import { plainSerial } from '../../../model/serial.ts';
import { type AskedSource, CA, optional, setting } from './contract.ts';
import { at } from './http.ts';

const Rows = z.array(
  z.object({
    name_value: z.string(),
    issuer_name: z.string().optional(),
    serial_number: z
      .string()
      .regex(/^[0-9a-fA-F]{1,40}$/)
      .optional(),
    not_before: z.string().optional(),
  }),
);
const MOST_NAMES = 20_000;
/** Of each name the newest certificates are told; so many serials fit beside an address. */
const MOST_SERIALS = 4;

/** Names in certificates that public authorities made for our domains (RFC 9162), through a search like crt.sh's. */
export const certificateLog: AskedSource = {
  kind: 'certificate-log',
  of: 'addresses',
  how: 'asked',
  title: 'Certificate transparency',
  needs: 'Nothing but the way there: certificates of public authorities are public.',
  isList: false,
  fields: [
    setting('domains', 'domains of ours, with commas between'),
    optional('url', 'a search that answers as crt.sh does', 'https://crt.sh'),
    CA,
  ],
  async *read({ settings, http, skip }) {
    const seen = new Set<string>();
    for (const domain of settings['domains']!.split(',').map((one) => one.trim().toLowerCase())) {
      const query = new URLSearchParams({ q: `%.${domain}`, output: 'json', exclude: 'expired' });
      const rows = Rows.parse(await http.ask(`${at(settings['url']!, '/')}?${query}`));
      const named = rows.toSorted(newestFirst).flatMap(namesOf);
      const certificates = Map.groupBy(
        named.filter(({ name }) => isWithin(name, domain)),
        ({ name }) => name,
      );
      for (const [name, some] of certificates) {
        if (seen.has(name)) continue;
        if (seen.size >= MOST_NAMES)
          throw new Error(`there are more than ${MOST_NAMES} names; give domains one level deeper`);
        seen.add(name);
        if (name.startsWith('*.')) skip('name with an asterisk');
        else
          yield { id: name, addresses: [], resolve: [name], evidence: { issuer: some[0]!.issuer, ...serialsOf(some) } };
      }
    }
  },
};

type Row = z.infer<typeof Rows>[number];
interface Named {
  name: string;
  issuer: string;
  serial: string | undefined;
}

const newestFirst = (a: Row, b: Row): number => (b.not_before ?? '').localeCompare(a.not_before ?? '');

const namesOf = (row: Row): Named[] =>
  row.name_value
    .toLowerCase()
    .split('\n')
    .map((name) => ({
      name,
      issuer: row.issuer_name ?? '',
      serial: row.serial_number && plainSerial(row.serial_number),
    }));

/** A precertificate has the serial of its certificate. */
function serialsOf(some: readonly Named[]): { serials?: string } {
  const serials = [...new Set(some.flatMap(({ serial }) => serial ?? []))].slice(0, MOST_SERIALS);
  return serials.length > 0 ? { serials: serials.join(' ') } : {};
}

/** Such searches answer with mail addresses and names of others, too. */
const isWithin = (name: string, domain: string): boolean =>
  (name === domain || name.endsWith(`.${domain}`)) && /^(?:\*\.)?[a-z0-9_.-]+$/.test(name);
