import { holderNow } from '../holders.ts';
import { withAuthority } from '../authorities.ts';
import { authorityRows, noteRevocation } from '../store-authorities.ts';
import { failed, type ServerStep } from './contract.ts';

const PATIENCE_MS = 10 * 60_000;

/** Only when the new certificate is served and verified, and nobody we know of may still serve the old one. */
export const revokeCertificate: ServerStep<'revoke-certificate'> = {
  async run(step, { deps, task, index, outcomes, beganAt }) {
    const before = task.steps.flatMap((other, i) => (other.kind === 'verify-served' && i < index ? [i] : []));
    const verified = before.every((i) => outcomes.some((one) => one.index === i && one.phase === 'apply' && one.ok));
    if (before.length === 0 || !verified)
      return failed('the new certificate is not verified to be served; nothing is revoked');
    const issuers = (await authorityRows(deps.platform.db)).find((row) => row.name === step.authority)?.issuers ?? [];
    const names = new Set(issuers.map((issuer) => issuer.subject));
    const holder = await holderNow(deps.discovery, { serial: step.serial, issuers: names });
    if (holder !== null) {
      const why = `${holder}; revoking it now would cut that off`;
      const patient = deps.platform.now().getTime() - beganAt.getTime() < PATIENCE_MS;
      return patient ? { kind: 'wait', why } : failed(why);
    }
    const doing = `revoke certificate ${step.serial}`;
    await withAuthority(deps, step.authority, doing, (kind, access) => kind.revoke(access, step.serial, step.reason));
    return {
      kind: 'done',
      changed: true,
      before: {},
      after: { serial: step.serial, reason: step.reason, authority: step.authority },
      keep: async (tx) => {
        for (const issuer of names) await noteRevocation(tx.db, { issuer, serial: step.serial }, 'asked', tx.now);
      },
    };
  },
};
