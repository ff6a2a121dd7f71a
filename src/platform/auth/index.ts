import { systemActor, type Actor, type Role } from '../../model/actor.ts';
import type { Platform } from '../context.ts';
import type { Route } from '../http/route.ts';
import { identify, type Credentials } from './identify.ts';
import { addPerson, makeLink } from './people.ts';
import { authRoutes } from './routes.ts';
import { people } from './store.ts';
import { addToken } from './tokens.ts';

export { CSRF_HEADER, SESSION_COOKIE } from './identify.ts';

export interface Auth {
  routes: Route[];
  identify(given: Credentials): Promise<Actor | null>;
  /** First start: makes the administrator and returns a one-time code; null when there are people already. */
  firstAdmin(): Promise<string | null>;
  /** A token for the command line on the server's own machine, in the name of the first administrator. */
  localToken(): Promise<string>;
}

const FIRST = { name: 'admin', role: 'admin' as Role };

export function createAuth(platform: Platform): Auth {
  const system = systemActor('first start');
  return {
    routes: authRoutes(platform),
    identify: (given) => identify(platform, given),
    firstAdmin: async () => {
      if ((await people(platform.db)).length > 0) return null;
      const person = await addPerson(platform, system, FIRST);
      return (await makeLink(platform, system, person)).code;
    },
    localToken: async () => {
      const admin = (await people(platform.db)).find((person) => person.role === 'admin' && !person.disabled_at);
      const person = admin ?? (await addPerson(platform, system, FIRST));
      return (
        await addToken(
          platform,
          systemActor('up'),
          { name: 'local command line', role: 'admin', days: 365 },
          { id: person.id, role: 'admin' },
        )
      ).secret;
    },
  };
}
