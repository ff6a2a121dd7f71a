import { systemActor, type Actor } from '../../model/actor.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Exception, Finding } from '../../model/finding.ts';
import type { Subject } from '../../model/trail.ts';
import type { EntryDraft, Platform, Tx } from '../../platform/context.ts';
import type { Audit } from '../audit/index.ts';
import type { Discovery, HostBrief } from '../discovery/index.ts';
import { coverable, expiryProblem, hostsFor, isBoundless } from './logic/exceptions.ts';
import { endException, exceptionById, exceptionRows, insertException, lockActive } from './store.ts';

export interface ExceptionInput {
  match: Exception['match'];
  reason: string;
  owner: string;
  control?: string | null | undefined;
  expiresAt: string;
}

export async function addException(
  platform: Platform,
  discovery: Discovery,
  audit: Audit,
  actor: Actor,
  input: ExceptionInput,
): Promise<Exception> {
  await check(platform, discovery, audit, input);
  const exception: Exception = {
    id: platform.newId('exception'),
    match: input.match,
    reason: input.reason,
    owner: input.owner,
    control: input.control ?? null,
    expiresAt: new Date(input.expiresAt).toISOString(),
    createdAt: platform.now().toISOString(),
    createdBy: actor.id,
    endedAt: null,
    endReason: null,
  };
  const findings = await covered(audit, exception);
  await platform.act(actor, entryOf('added', exception, findings), async (tx) => {
    await insertException(tx.db, exception);
    await holdAdvisory(audit, tx, exception, await taggable(discovery, [exception]));
    await exceptFindings(audit, tx, exception, findings);
    // A second late rather than early: then it has certainly ended.
    const seconds = Math.ceil((Date.parse(exception.expiresAt) - tx.now.getTime()) / 1000) + 1;
    await tx.enqueue('impact.expire', {}, { startAfterSeconds: seconds, singletonKey: exception.id });
  });
  return exception;
}

async function check(platform: Platform, discovery: Discovery, audit: Audit, input: ExceptionInput): Promise<void> {
  const { match } = input;
  if (isBoundless(match)) throw new AppError('EXCEPTION_BOUNDLESS');
  const why = expiryProblem(new Date(input.expiresAt), platform.now());
  if (why) throw new AppError('EXCEPTION_EXPIRY', { why });
  if (match.hostId !== undefined && !(await discovery.host(match.hostId))) {
    throw new AppError('NOT_FOUND', { what: 'host', id: match.hostId, list: 'hosts' });
  }
  if (match.advisory !== undefined) await checkAdvisory(audit, match.advisory);
  if (match.kit !== undefined && !audit.kit(match.kit)) {
    throw new AppError('NOT_FOUND', { what: 'kit', id: match.kit, list: 'kit list' });
  }
}

const MOST_NAMES = 20;

async function checkAdvisory(audit: Audit, advisory: string): Promise<void> {
  if (!(await audit.knowsAdvisory(advisory))) throw new AppError('ADVISORY_UNKNOWN', { advisory });
  const under = await audit.listedUnder(advisory);
  if (under.length === 0) return;
  const more = under.length > MOST_NAMES ? ` and ${under.length - MOST_NAMES} more` : '';
  throw new AppError('EXCEPTION_FOLDED', { advisory, names: under.slice(0, MOST_NAMES).join(', ') + more });
}

/** The estate, where any of these exceptions goes by tags. */
async function taggable(
  discovery: Pick<Discovery, 'briefs'>,
  exceptions: readonly Exception[],
): Promise<readonly HostBrief[]> {
  return exceptions.some(({ match }) => match.hosts !== undefined) ? discovery.briefs() : [];
}

/** Tells the audit on which hosts an advisory is accepted now. False: on the same as before, or it is about findings. */
async function holdAdvisory(
  audit: Audit,
  tx: Tx,
  { id, match, expiresAt, reason, control, createdAt }: Exception,
  known: readonly HostBrief[],
): Promise<boolean> {
  if (match.advisory === undefined) return false;
  return audit.acceptAdvisory(tx, {
    exceptionId: id,
    advisory: match.advisory,
    hosts: hostsFor(match, known),
    until: new Date(expiresAt),
    reason,
    control,
    at: new Date(createdAt),
  });
}

async function covered(audit: Audit, exception: Pick<Exception, 'match'>): Promise<Finding[]> {
  const { advisory, hosts: _hosts, ...match } = exception.match;
  // What feeds say is in no finding.
  if (advisory !== undefined) return [];
  return coverable(match, await audit.findings({ ...match, states: ['open', 'rekindled'] }));
}

async function exceptFindings(audit: Audit, tx: Tx, exception: Exception, findings: Finding[]): Promise<void> {
  if (findings.length === 0) return;
  const ids = findings.map((finding) => finding.id);
  await audit.setFindingState(tx, ids, 'excepted', { exceptionId: exception.id });
  await tx.publish('findings', { exceptionId: exception.id });
}

type Verb = 'added' | 'ended' | 'expired' | 'applied';

function entryOf(verb: Verb, exception: Exception, findings: Finding[], reason?: string): EntryDraft {
  const hosts = new Map<string, Subject>();
  for (const f of findings) hosts.set(f.hostId, { kind: 'host', id: f.hostId, name: f.hostName });
  const { hostId } = exception.match;
  if (hostId && !hosts.has(hostId)) hosts.set(hostId, { kind: 'host', id: hostId });
  return {
    type: `impact.exception.${verb}`,
    subject: { kind: 'exception', id: exception.id },
    related: [...hosts.values(), ...findings.map((f) => ({ kind: 'finding' as const, id: f.id, name: f.title }))],
    reason: reason ?? exception.reason,
    detail: {
      match: Object.fromEntries(Object.entries(exception.match)) as Record<string, string>,
      reason: exception.reason,
      owner: exception.owner,
      control: exception.control,
      expiresAt: exception.expiresAt,
      findings: findings.map((f) => f.id),
      named: findings.map((f) => ({
        id: f.id,
        host: f.hostName,
        endpoint: f.endpoint,
        kit: f.kit,
        check: f.check,
        title: f.title,
      })),
    },
  };
}

/** Ends one before its time. */
export async function endEarly(
  platform: Platform,
  audit: Audit,
  actor: Actor,
  id: string,
  reason: string,
): Promise<Exception> {
  const exception = await exceptionById(platform.db, id);
  if (!exception) throw new AppError('NOT_FOUND', { what: 'exception', id, list: 'exception list' });
  if (!(await end(platform, audit, actor, exception, 'ended', reason))) {
    throw new AppError('EXCEPTION_ENDED', { id, at: exception.endedAt ?? '' });
  }
  return (await exceptionById(platform.db, id))!;
}

/** False when it had ended already. Its findings burn again. */
async function end(
  platform: Platform,
  audit: Audit,
  actor: Actor,
  exception: Exception,
  verb: 'ended' | 'expired',
  reason: string,
): Promise<boolean> {
  const held = (await audit.findings({ exceptionId: exception.id, states: ['excepted'] })).filter(
    (finding) => finding.exceptionId === exception.id,
  );
  return platform.observe(actor, async (tx) => {
    if (!(await lockActive(tx.db, exception.id))) return false;
    await endException(tx.db, exception.id, tx.now, reason);
    if (exception.match.advisory !== undefined) await audit.acceptNoMore(tx, exception.id);
    const ids = held.map((finding) => finding.id);
    if (ids.length > 0) await audit.setFindingState(tx, ids, 'open', { exceptionId: null });
    await tx.record(entryOf(verb, exception, held, reason));
    await tx.publish('findings', { exceptionId: exception.id });
    return true;
  });
}

/** Ends what has expired, and applies what stands to findings that came after it. Timer, and at each expiry. */
export async function sweepExceptions(
  platform: Platform,
  discovery: Pick<Discovery, 'briefs'>,
  audit: Audit,
): Promise<void> {
  const actor = systemActor('impact.expire');
  const now = platform.now().getTime();
  const active = await exceptionRows(platform.db, { active: true });
  for (const exception of active.filter((one) => Date.parse(one.expiresAt) <= now)) {
    await end(platform, audit, actor, exception, 'expired', `expired at ${exception.expiresAt}`);
  }
  const standing = active.filter((one) => Date.parse(one.expiresAt) > now);
  // Read once a minute, and not once for each exception.
  const known = await taggable(discovery, standing);
  for (const exception of standing) {
    const findings = await covered(audit, exception);
    const follows = exception.match.advisory !== undefined;
    if (findings.length === 0 && !follows) continue;
    await platform.observe(actor, async (tx) => {
      if (!(await lockActive(tx.db, exception.id))) return;
      await exceptFindings(audit, tx, exception, findings);
      // Hosts get tags and lose them.
      const moved = await holdAdvisory(audit, tx, exception, known);
      if (moved || findings.length > 0) await tx.record(entryOf('applied', exception, findings));
    });
  }
}
