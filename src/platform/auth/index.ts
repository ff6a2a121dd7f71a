import { systemActor, type Actor, type Role } from '../../model/actor.ts';
import { isAppError } from '../../model/errors/index.ts';
import type { Platform } from '../context.ts';
import type { Route } from '../http/route.ts';
import { identify, type Credentials } from './identify.ts';
import { addPerson, makeLink } from './people.ts';
import { authRoutes } from './routes.ts';
import { people, usedLinks } from './store.ts';
import { addToken, endSecret } from './tokens.ts';

export { CSRF_HEADER, SESSION_COOKIE } from './identify.ts';

export interface Auth {
  routes: Route[];
  identify(given: Credentials): Promise<Actor | null>;
  /**
   * A one-time code that signs the first administrator in (who is made at the first start), as long as nobody has ever
   * signed in; null afterwards.
   */
  firstAdmin(): Promise<string | null>;
  /** A token for the command line on the server's own machine, in the name of the first administrator. */
  localToken(): Promise<string>;
  /** Ends such a token, when the server stops or after it was killed. */
  endLocalToken(secret: string): Promise<void>;
}

const FIRST = { name: 'admin', role: 'admin' as Role };

export function createAuth(platform: Platform): Auth {
  const system = systemActor('first start');
  return {
    routes: authRoutes(platform),
    identify: (given) => identify(platform, given),
    firstAdmin: async () => {
      const person = await firstPerson(platform);
      return person && (await makeLink(platform, system, person)).code;
    },
    endLocalToken: (secret) => endSecret(platform, systemActor('up'), secret),
    localToken: async () => {
      const person = await administrator(platform);
      return (
        await addToken(
          platform,
          systemActor('up'),
          { name: 'local command line', role: 'admin', days: 365, local: true },
          { id: person.id, name: person.name, role: 'admin' },
        )
      ).secret;
    },
  };
}

/** Somebody who administers, made where there is nobody yet; two servers of one first start end with the same. */
async function administrator(platform: Platform): Promise<{ id: string; name: string }> {
  const find = async (): Promise<{ id: string; name: string } | undefined> =>
    (await people(platform.db)).find((person) => person.role === 'admin' && !person.disabled_at);
  const there = await find();
  if (there) return there;
  return addPerson(platform, systemActor('first start'), FIRST).catch(async (error: unknown) => {
    const quicker = isAppError(error, 'PERSON_EXISTS') ? await find() : undefined;
    if (!quicker) throw error;
    return quicker;
  });
}

/** The administrator of the first start, if that is all there is and they never came in. */
async function firstPerson(platform: Platform): Promise<{ id: string; name: string } | null> {
  const [first, ...others] = await people(platform.db);
  if (first) {
    const waiting = others.length === 0 && first.password === null && !(await usedLinks(platform.db));
    return waiting ? first : null;
  }
  return addPerson(platform, systemActor('first start'), FIRST).catch((error: unknown) => {
    // Another server of the same first start was quicker; the link is its to print.
    if (isAppError(error, 'PERSON_EXISTS')) return null;
    throw error;
  });
}
