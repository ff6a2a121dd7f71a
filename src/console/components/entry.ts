import type { Entry } from '../../model/trail.ts';

const VERB: Record<string, string> = {
  'discovery.host.found': 'found',
  'discovery.host.claimed': 'claimed',
  'discovery.host.ignored': 'set aside',
  'discovery.endpoint.found': 'new listener',
  'discovery.endpoint.changed': 'listener changed',
  'discovery.scan.started': 'scan started',
  'discovery.scan.finished': 'scan finished',
  'enrollment.agent.enrolled': 'agent enrolled',
  'enrollment.deployment.started': 'deployment started',
  'enrollment.deployment.finished': 'deployment finished',
  'audit.findings.opened': 'findings opened',
  'audit.findings.fixed': 'findings proven fixed',
  'audit.findings.rekindled': 'findings rekindled',
  'audit.exposure.opened': 'key burnt',
  'impact.exception.added': 'exception set',
  'impact.exception.expired': 'exception expired',
  'change.change.created': 'change opened',
  'change.plan.made': 'plan made',
  'change.plan.approved': 'plan approved',
  'change.plan.refused': 'plan refused',
  'change.wave.started': 'wave started',
  'change.wave.finished': 'wave finished',
  'change.change.verified': 'verified from outside',
  'change.change.closed': 'change closed',
  'change.campaign.out': 'campaign at 100 %',
  'change.campaign.rekindled': 'campaign rekindled',
  'trail.alarm.raised': 'an agent raised an alarm',
};

/** One line for people: "findings opened: heartbleed (by audit)". Types without words of their own stand as they are. */
export function describeEntry(entry: Entry): string {
  const verb = VERB[entry.type] ?? entry.type.split('.').slice(1).join(' ');
  const name = entry.subject.name ?? `${entry.subject.kind} ${entry.subject.id}`;
  const who = entry.actor.kind === 'system' ? '' : ` (${entry.actor.name})`;
  return `${verb}: ${name}${who}`;
}
