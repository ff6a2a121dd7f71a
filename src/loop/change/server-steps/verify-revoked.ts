import { authorityRows, noteRevocation } from '../store-authorities.ts';
import { failed, type ServerStep } from './contract.ts';

/** Authorities publish on a schedule; most within minutes of a revocation. */
const PATIENCE_MS = 15 * 60_000;
/** How old a list may be that somebody else fetched: the longer it takes, the less often it is asked for. */
const OFTEN_MS = 1000;
const SELDOM_MS = 30_000;

/** The serial is in the revocation list that the certificate itself names, signed by its issuer. */
export const verifyRevoked: ServerStep<'verify-revoked'> = {
  async run(step, { deps, beganAt }) {
    const issuers = (await authorityRows(deps.platform.db)).flatMap((row) => row.issuers);
    const now = deps.platform.now();
    const list = await deps.lists.read(step.crlUrl, issuers, now, oldest(now, beganAt));
    const problem = 'why' in list ? list.why : list.has(step.serial) ? null : 'the certificate is not in it yet';
    if ('why' in list || problem !== null) {
      const why = `revocation list ${step.crlUrl}: ${problem}`;
      const patient = now.getTime() - beganAt.getTime() < PATIENCE_MS;
      return patient ? { kind: 'wait', why } : failed(why);
    }
    const { issuer, thisUpdate, nextUpdate, signatureChecked } = list;
    return {
      kind: 'done',
      changed: false,
      before: {},
      after: { serial: step.serial, crlUrl: step.crlUrl, issuer, thisUpdate, nextUpdate, signatureChecked },
      keep: async (tx) => {
        for (const { subject } of issuers.filter((one) => one.spki === list.issuerSpki)) {
          await noteRevocation(tx.db, { issuer: subject, serial: step.serial }, 'seen', tx.now);
        }
      },
    };
  },
};

/** Never from before this step began, which is after the revocation. */
function oldest(now: Date, beganAt: Date): Date {
  const waited = now.getTime() - beganAt.getTime();
  const age = Math.min(SELDOM_MS, Math.max(OFTEN_MS, waited / 4));
  return new Date(Math.max(beganAt.getTime(), now.getTime() - age));
}
