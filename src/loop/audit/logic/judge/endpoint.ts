import type { Endpoint } from '../../../../model/estate.ts';
import type { SocketFact } from '../../../../model/facts.ts';
import { tlsOf, type TlsSeen } from '../../../../model/probe.ts';
import type { EndpointCheck } from '../kit/compile.ts';
import { type Bindings, type Expression, toCel } from '../kit/expression.ts';
import { withAsked } from '../revocation.ts';
import { compareServed, type ServedNames } from '../served-names.ts';
import { type Evidence, type Judgement, nameOf } from './context.ts';
import { socketOf } from './listeners.ts';

export interface EndpointVerdict {
  verdict: Judgement['verdict'];
  why: string | null;
  bindings: Bindings;
}

type Server = Pick<Evidence, 'names' | 'host' | 'asked'>;

/** What the check says about the endpoint's last successful look. Nothing seen is unknown, never a pass. */
export function lookAt(
  compiled: EndpointCheck,
  endpoint: Endpoint,
  now: string,
  server: Server | null = null,
): EndpointVerdict {
  const bindings = bindingsOf(compiled, endpoint, now, server);
  const unknown = (why: string): EndpointVerdict => ({ verdict: 'unknown', why, bindings });
  if (endpoint.probe === null) return unknown(endpoint.lastError ?? 'nobody has looked at it from outside yet');
  const when = truth(compiled.when, bindings);
  if (typeof when === 'string') return unknown(when);
  if (!when) return { verdict: 'not-applicable', why: null, bindings };
  const undecided = truth(compiled.unknown, bindings);
  if (typeof undecided === 'string') return unknown(undecided);
  if (undecided) return unknown(reasonOf(compiled, bindings));
  const pass = truth(compiled.expect, bindings);
  return typeof pass === 'string' ? unknown(pass) : { verdict: pass ? 'pass' : 'fail', why: null, bindings };
}

function bindingsOf({ wantsNames }: EndpointCheck, endpoint: Endpoint, now: string, server: Server | null): Bindings {
  const tls = withAsked(tlsOf(endpoint.probe), server?.asked);
  return {
    probe: toCel(endpoint.probe),
    tls: toCel(tls),
    endpoint: toCel(endpoint),
    names: wantsNames ? toCel(namesAt(endpoint, tls, server)) : null,
    now,
  };
}

function namesAt({ address }: Endpoint, tls: TlsSeen | null, server: Server | null): ServedNames | null {
  if (!tls?.chain[0]) return null;
  const addresses = new Set([address, ...(server?.host.addresses ?? [])]);
  return compareServed(tls, { known: server?.names ?? [], addresses: [...addresses] });
}

/** True or false, or why neither. */
export function truth(expression: Expression, bindings: Bindings): boolean | string {
  const result = expression.evaluate(bindings);
  if ('error' in result) return `\`${expression.source}\` cannot be evaluated: ${result.error}`;
  return typeof result.value === 'boolean' ? result.value : `\`${expression.source}\` is neither true nor false`;
}

export function collect(expressions: Record<string, Expression>, bindings: Bindings): Record<string, unknown> {
  const found = Object.entries(expressions).flatMap(([key, expression]) => {
    const result = expression.evaluate(bindings);
    return 'value' in result ? [[key, result.value] as const] : [];
  });
  return Object.fromEntries(found);
}

function reasonOf(compiled: EndpointCheck, bindings: Bindings): string {
  const reason = collect(compiled.evidence, bindings)['reason'];
  return `the look from outside did not come to a verdict${typeof reason === 'string' ? `: ${reason}` : ''}`;
}

export function judgeEndpoint(kit: string, compiled: EndpointCheck, endpoint: Endpoint, evidence: Evidence): Judgement {
  const { verdict, why, bindings } = lookAt(compiled, endpoint, evidence.now, evidence);
  const socket = socketOf(evidence, endpoint);
  return {
    kit,
    check: compiled.check,
    component: socket?.unit ?? endpoint.service,
    endpoint,
    verdict,
    // Only a look that reached it and found it safe; a listener that is gone or speaks something else proves nothing.
    proven: verdict === 'pass',
    confidence: 1,
    evidence: {
      ...collect(compiled.evidence, bindings),
      probedAt: endpoint.probedAt,
      ...(socket ? { ...pidOf(socket, verdict, endpoint, evidence), unit: socket.unit, package: socket.package } : {}),
      ...servedBy(endpoint),
    },
    pending: why ?? pendingOf(endpoint, verdict),
    at: endpoint.probedAt ?? evidence.now,
    needs: [],
  };
}

/** What turned safe was changed: the process that was looked at is none that was told of before the look. */
function pidOf(
  socket: SocketFact,
  verdict: Judgement['verdict'],
  endpoint: Endpoint,
  { meta }: Evidence,
): { pid?: number | null } {
  const told = meta.sockets?.receivedAt ?? '';
  return verdict === 'pass' && told < (endpoint.probedAt ?? '') ? {} : { pid: socket.pid };
}

function servedBy(endpoint: Endpoint): Record<string, unknown> {
  const leaf = tlsOf(endpoint.probe)?.chain[0];
  return leaf ? { served: { spki: leaf.spki, serial: leaf.serial, subject: leaf.subject } } : {};
}

function pendingOf(endpoint: Endpoint, verdict: Judgement['verdict']): string | null {
  if (verdict === 'pass') return null;
  const seen = endpoint.probedAt ?? 'never';
  if (endpoint.state === 'gone') {
    return `${nameOf(endpoint)} no longer answers; what was last seen there (${seen}) stands until a look proves otherwise`;
  }
  if (verdict === 'not-applicable')
    return `${nameOf(endpoint)} now speaks something that this check knows nothing about`;
  return endpoint.lastError === null
    ? null
    : `the last look did not work (${endpoint.lastError}); ${seen} was the last that did`;
}
