import { readText } from '../host.ts';
import { parseRoutes4, parseRoutes6 } from '../machine/routes.ts';
import { by, type FactSection } from './look.ts';

/** Where this host sends what is not for itself: the kernel's main table. */
export const routes: FactSection<'routes'> = {
  name: 'routes',
  version: 1,
  async collect({ host }) {
    const four = (await readText(host, '/proc/net/route')) ?? '';
    const six = (await readText(host, '/proc/net/ipv6_route')) ?? '';
    return [...parseRoutes4(four), ...parseRoutes6(six)].sort(
      by(
        (fact) => fact.destination,
        (fact) => fact.metric,
        (fact) => fact.device,
        (fact) => fact.gateway ?? '',
      ),
    );
  },
};
