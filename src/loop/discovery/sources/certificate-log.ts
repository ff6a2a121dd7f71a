import * as z from 'zod';
import { type AskedSource, CA, optional, setting } from './contract.ts';
import { at } from './http.ts';

const Rows = z.array(z.object({ name_value: z.string(), issuer_name: z.string().optional() }));
const MOST_NAMES = 20_000;

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
      for (const { name, issuer } of rows.flatMap(namesOf).filter(({ name }) => isWithin(name, domain))) {
        if (seen.has(name)) continue;
        if (seen.size >= MOST_NAMES)
          throw new Error(`there are more than ${MOST_NAMES} names; give domains one level deeper`);
        seen.add(name);
        if (name.startsWith('*.')) skip('name with an asterisk');
        else yield { id: name, addresses: [], resolve: [name], evidence: { issuer } };
      }
    }
  },
};

const namesOf = (row: z.infer<typeof Rows>[number]): { name: string; issuer: string }[] =>
  row.name_value
    .toLowerCase()
    .split('\n')
    .map((name) => ({ name, issuer: row.issuer_name ?? '' }));

/** Such searches answer with mail addresses and names of others, too. */
const isWithin = (name: string, domain: string): boolean =>
  (name === domain || name.endsWith(`.${domain}`)) && /^(?:\*\.)?[a-z0-9_.-]+$/.test(name);
