import type { RenewReply, RenewRequest } from '../../model/agent.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Platform } from '../../platform/context.ts';
import type { AgentIdentity } from '../../platform/http/route.ts';
import { newSerial, withAuthority } from './authority.ts';
import { issueAgent, readRequest } from './logic/certificates.ts';
import { agentById, insertCertificate, newestCertificate } from './store.ts';

/** An agent renews long before; a lost machine's certificate ends by itself. */
export const CERTIFICATE_DAYS = 90;
/**
 * A host, or this server, may have been away for months: the same key gets another certificate as long after the last one
 * as that one was good for. Whose machine is lost for good revokes its agent, as before.
 */
export const LAPSED_DAYS = 90;
/** Who asks again so soon did not get our answer: it is the same one. */
export const SAME_ANSWER_MS = 86_400_000;

/** A new certificate for the same agent and the same key; what the agent pinned when it enrolled stays as it is. */
export async function renew(platform: Platform, agent: AgentIdentity, body: RenewRequest): Promise<RenewReply> {
  const request = await readRequest(body.csr);
  const known = await agentById(platform.db, agent.agentId);
  if (!request || request.publicKey !== known?.publicKey) throw new AppError('RENEWAL_OTHER_KEY');
  const now = platform.now();
  const newest = await newestCertificate(platform.db, agent.agentId);
  if (newest && newest.issued_at.getTime() > now.getTime() - SAME_ANSWER_MS) return { certificate: newest.certificate };
  const issued = await withAuthority(platform, (authority) =>
    issueAgent(authority, request.request, { id: agent.agentId, serial: newSerial(), now, days: CERTIFICATE_DAYS }),
  );
  const entry = {
    type: 'enrollment.agent.renewed',
    subject: { kind: 'agent' as const, id: agent.agentId },
    related: [{ kind: 'host' as const, id: agent.hostId }],
    detail: { fingerprint: issued.fingerprint, days: CERTIFICATE_DAYS },
  };
  await platform.act({ kind: 'agent', id: agent.agentId, name: agent.agentId }, entry, (tx) =>
    insertCertificate(tx.db, agent.agentId, issued, now, CERTIFICATE_DAYS),
  );
  return { certificate: issued.certificate };
}
