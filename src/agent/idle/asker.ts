import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { ask, whyNot, type Answer, type Asked } from '../https.ts';
import type { Handover } from './handover.ts';

/** Throws when there is no answer. */
export type Ask = (method: 'GET' | 'POST', path: string, given: Asked) => Promise<Answer>;

/** Asks the server as the enrolled agent, with nothing but HTTPS loaded. */
export function askerOf(handed: Handover): { ask: Ask; close(): void } {
  const agent = new Agent({ keepAlive: true, maxSockets: 2 });
  const key = readFileSync(handed.keyFile, 'utf8');
  const tls = { ca: handed.ca, cert: handed.certificate, key, agent, minVersion: 'TLSv1.2' as const };
  return {
    ask: (method, path, given) =>
      ask(handed.server, { ...tls, method, path: `/agent/v1${path}` }, given).catch((cause: Error) => {
        throw new Error(whyNot(cause, new Date()), { cause });
      }),
    close: () => agent.destroy(),
  };
}
