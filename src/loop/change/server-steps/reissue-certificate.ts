import { withAuthority } from '../authorities.ts';
import { putChain } from '../store-tasks.ts';
import { describeLeaf } from './certificate.ts';
import { failed, type ServerStep } from './contract.ts';

/** The host's request goes to the authority. A repetition gives one more certificate for the same new key; the host takes one. */
export const reissueCertificate: ServerStep<'reissue-certificate'> = {
  async run(step, { deps, task, index, outcomes }) {
    const rotated = task.steps.findLastIndex((other, i) => i < index && other.kind === 'rotate-key');
    const made = outcomes.find((one) => one.index === rotated && one.phase === 'apply' && one.ok);
    const csr = made?.after['csr'];
    if (typeof csr !== 'string') return failed('the host sent no certificate request with its new key');
    const doing = `issue a certificate for ${step.names.join(', ')}`;
    const chain = await withAuthority(deps, step.authority, doing, (kind, access) =>
      kind.issue(access, csr, step.names),
    );
    const leaf = describeLeaf(chain);
    if (leaf.spki !== made?.after['spki']) return failed('the authority issued a certificate for another key', leaf);
    return {
      kind: 'done',
      changed: true,
      before: {},
      after: leaf,
      keep: (tx) => putChain(tx.db, { task_id: task.id, index, chain }),
    };
  },
};
