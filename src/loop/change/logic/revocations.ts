import type { Step } from '../../../model/kit.ts';
import type { Task, Wave } from '../../../model/plan.ts';
import { certificateKey, normalSerial, type Left, type PlannerInput } from './inputs.ts';

type Hosts = Pick<PlannerInput, 'hosts'>;
type CertificateOf = (step: Step) => string | null;

/** Every certificate that the planner knows of. */
const certificatesOf = ({ hosts }: Hosts) =>
  hosts
    .flatMap((host) => host.listeners)
    .flatMap((listener) => [...listener.burnt, ...(listener.served ? [listener.served] : [])]);

/**
 * Which certificate a step revokes, or looks up. Every authority counts its serial numbers by itself, so a serial number
 * alone names nothing; only where nothing else is known is it taken for the certificate that has it.
 */
function certificateIn(input: Hosts): CertificateOf {
  const byAuthority = new Map<string, string>();
  const byList = new Map<string, string>();
  const bySerial = new Map<string, string>();
  for (const one of certificatesOf(input)) {
    const serial = normalSerial(one.serial);
    if (one.authority) byAuthority.set(`${one.authority.name}\n${serial}`, certificateKey(one));
    if (one.crlUrl !== null) byList.set(`${one.crlUrl}\n${serial}`, certificateKey(one));
    bySerial.set(serial, certificateKey(one));
  }
  return (step) => {
    if (step.kind !== 'revoke-certificate' && step.kind !== 'verify-revoked') return null;
    const serial = normalSerial(step.serial);
    const exact =
      step.kind === 'revoke-certificate'
        ? byAuthority.get(`${step.authority}\n${serial}`)
        : byList.get(`${step.crlUrl}\n${serial}`);
    return exact ?? bySerial.get(serial) ?? `\n${serial}`;
  };
}

/**
 * A certificate that several listeners serve is revoked once, by the last task that takes it out of service. While a
 * listener outside the plan serves it, it is not revoked at all: that would cut that one off. One that does not answer
 * counts as serving what it was last seen with.
 */
export function keepSharedCertificates(
  tasks: Task[],
  left: Left[],
  input: PlannerInput,
): { tasks: Task[]; left: Left[] } {
  const certificateOf = certificateIn(input);
  const planned = new Set(
    tasks.flatMap((task) => task.steps.flatMap((s) => (s.kind === 'verify-served' ? [`${s.address}:${s.port}`] : []))),
  );
  const outsideOf = (step: Step): string | undefined =>
    input.holders[certificateOf(step) ?? '']?.find((endpoint) => !planned.has(endpoint));
  const notes: Left[] = [];
  const kept = tasks.map((task) => {
    const steps = task.steps.filter((step) => {
      const outside = outsideOf(step);
      if (outside !== undefined && step.kind === 'revoke-certificate') {
        const why = `certificate ${step.serial} is not revoked, because ${outside} serves it, or did when it was last seen, and is not in the plan`;
        notes.push({ hostId: task.hostId, hostName: task.hostName, endpoint: null, why });
      }
      return outside === undefined;
    });
    return { ...task, steps };
  });
  return { tasks: kept.filter((task) => task.steps.length > 0), left: [...left, ...notes] };
}

/** Burnt certificates of authorities that we cannot ask: the plan goes without their revocation, and says so. */
export function foreignCertificates(tasks: readonly Task[], { kit, hosts }: PlannerInput): Left[] {
  const revokes = kit.remediate.some((one) => one.steps.some((step) => step.kind === 'revoke-certificate'));
  const planned = new Set(tasks.map((task) => task.hostId));
  return hosts
    .filter((host) => revokes && planned.has(host.id))
    .flatMap((host) =>
      host.listeners.flatMap((listener) =>
        listener.burnt
          .filter((one) => one.authority === null && !one.revoked)
          .map((one) => ({
            hostId: host.id,
            hostName: host.name,
            endpoint: `${listener.address}:${listener.port}`,
            why: `certificate ${one.serial} is not revoked, because ${one.issuer} is no configured authority: have it revoked there`,
          })),
      ),
    )
    .toSorted((a, b) => (a.hostName + a.endpoint + a.why < b.hostName + b.endpoint + b.why ? -1 : 1));
}

/** Of several tasks with one certificate the last one of the plan revokes it, and looks it up. */
export function revokeOnce(waves: readonly Wave[], input: Hosts): Wave[] {
  const certificateOf = certificateIn(input);
  const last = new Map<string, string>();
  for (const task of waves.flatMap((wave) => wave.tasks)) {
    for (const step of task.steps) if (step.kind === 'revoke-certificate') last.set(certificateOf(step)!, task.id);
  }
  const isOwn = (task: Task, step: Step): boolean => {
    const by = last.get(certificateOf(step) ?? '');
    return by === undefined || by === task.id;
  };
  return waves.map((wave) => ({
    ...wave,
    tasks: wave.tasks.map((task) => ({ ...task, steps: task.steps.filter((step) => isOwn(task, step)) })),
  }));
}
