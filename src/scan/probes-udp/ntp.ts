import { readTime, readVariables, TIME_QUERY, VARIABLES_QUERY } from '../logic/ntp.ts';
import { productBy, type Signature } from '../logic/products.ts';
import { serviceResult } from '../probes/service-result.ts';
import { askSurely, SILENT } from './ask-surely.ts';
import type { UdpProbe } from './contract.ts';

const PRODUCTS: readonly Signature[] = [
  ['NTPsec', /ntpsec-(\d[\d.]*)/],
  ['ntpd', /^ntpd (\d[\w.]*)/],
];

/** Time: its stratum, and whether it tells its variables to whoever asks, as old servers do to those who misuse it. */
export const ntpProbe: UdpProbe = {
  protocol: 'ntp',
  ports: [123],
  probe: async (target) => {
    const tell = async () => (await target.ask(TIME_QUERY)).map(readTime).find((one) => one !== null) ?? null;
    const time = await tell();
    if (!time) return null;
    const { said: variables, sure } = await askSurely(
      async () => readVariables(await target.ask(VARIABLES_QUERY)),
      async () => (await tell()) !== null,
    );
    return serviceResult('ntp', {
      ...productBy(PRODUCTS, variables?.get('version') ?? ''),
      access: variables ? 'open' : 'refused',
      what: variables
        ? 'it tells its variables (mode 6) to whoever asks'
        : 'it tells the time and nothing of itself (mode 6 was not answered)',
      details: {
        silent: sure ? undefined : SILENT,
        ntp: time.version,
        stratum: time.stratum,
        reference: time.reference,
        system: variables?.get('system'),
        processor: variables?.get('processor'),
      },
    });
  },
};
