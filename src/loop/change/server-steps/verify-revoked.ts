import { readRevocationList } from '../crl.ts';
import { authorityRows, noteRevocation } from '../store-authorities.ts';
import { failed, type ServerStep } from './contract.ts';

/** Authorities publish on a schedule; most within minutes of a revocation. */
const PATIENCE_MS = 15 * 60_000;

/** The serial is in the revocation list that the certificate itself names, signed by its issuer. */
export const verifyRevoked: ServerStep<'verify-revoked'> = {
  async run(step, { deps, beganAt }) {
    const issuers = (await authorityRows(deps.platform.db)).flatMap((row) => row.issuers);
    const list = await readRevocationList(step.crlUrl, issuers, deps.platform.now());
    const problem = 'why' in list ? list.why : list.has(step.serial) ? null : 'the certificate is not in it yet';
    if ('why' in list || problem !== null) {
      const why = `revocation list ${step.crlUrl}: ${problem}`;
      const patient = deps.platform.now().getTime() - beganAt.getTime() < PATIENCE_MS;
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
