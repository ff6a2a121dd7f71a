import { withAuthority } from '../authorities.ts';
import { authorityRows } from '../store-authorities.ts';
import { putChain } from '../store-tasks.ts';
import { describeLeaf, isFresh } from './certificate.ts';
import { failed, type ServerStep, type StepSite } from './contract.ts';

/**
 * The host's request goes to the authority. That we are about to ask is written down first, as an attempt: whoever comes
 * second looks whether the first was heard before asking again. An authority that cannot tell issues one more certificate
 * for the same new key; the host takes one.
 */
export const reissueCertificate: ServerStep<'reissue-certificate'> = {
  async run(step, site) {
    const { deps, task, index, outcomes } = site;
    const rotated = task.steps.findLastIndex((other, i) => i < index && other.kind === 'rotate-key');
    const made = outcomes.find((one) => one.index === rotated && one.phase === 'apply' && one.ok);
    const csr = made?.after['csr'];
    const spki = made?.after['spki'];
    if (typeof csr !== 'string' || typeof spki !== 'string')
      return failed('the host sent no certificate request with its new key');
    const chain =
      (await issuedBefore(site, { ...step, spki })) ??
      (await withAuthority(deps, step.authority, `issue a certificate for ${step.names.join(', ')}`, (kind, access) =>
        kind.issue(access, csr, step.names),
      ));
    const leaf = describeLeaf(chain);
    if (leaf.spki !== spki) return failed('the authority issued a certificate for another key', leaf);
    return {
      kind: 'done',
      changed: true,
      before: {},
      after: leaf,
      keep: (tx) => putChain(tx.db, { task_id: task.id, index, chain }),
    };
  },
};

/** What the authority issued when this step was tried before, and nobody lived to write it down. */
async function issuedBefore(
  { deps, attempts }: StepSite,
  wanted: { authority: string; names: readonly string[]; spki: string },
): Promise<string | null> {
  if (attempts <= 1) return null;
  const doing = `look up a certificate for ${wanted.names.join(', ')}`;
  const found = await withAuthority(deps, wanted.authority, doing, async (kind, access) =>
    kind.find ? kind.find(access, wanted.spki) : null,
  );
  const issuers = (await authorityRows(deps.platform.db)).find((row) => row.name === wanted.authority)?.issuers ?? [];
  return found !== null && isFresh(found, { ...wanted, issuers, now: deps.platform.now() }) ? found : null;
}
