import type { SequencedEntry } from '../../../model/trail.ts';
import { detailOf, record, records, text, when } from './detail.ts';
import { cite, type Block, type Inline } from './model.ts';

/** Entry types in words. What is not here is named by its type. */
const WORDS: Record<string, string> = {
  'audit.exposure.opened': 'Key counts as burnt',
  'audit.findings.fixed': 'Findings proven fixed',
  'audit.findings.opened': 'Findings opened',
  'audit.findings.rekindled': 'Findings came back',
  'audit.kit.loaded': 'Kit loaded',
  'change.campaign.out': 'Campaign at 100 %',
  'change.campaign.rekindled': 'Campaign rekindled',
  'change.change.closed': 'Change closed',
  'change.change.created': 'Change opened',
  'change.change.verified': 'Verified from outside',
  'change.plan.approved': 'Plan approved',
  'change.plan.made': 'Plan made',
  'change.plan.refused': 'Plan refused',
  'change.rollout.cancelled': 'Rollout cancelled',
  'change.rollout.paused': 'Rollout paused',
  'change.rollout.resumed': 'Rollout resumed',
  'change.rollout.started': 'Rollout started',
  'change.step.finished': 'Step finished',
  'change.wave.finished': 'Wave finished',
  'change.wave.started': 'Wave started',
  'discovery.endpoint.changed': 'Listener changed',
  'discovery.endpoint.found': 'Listener found',
  'discovery.host.changed': 'Host changed',
  'discovery.host.claimed': 'Host claimed',
  'discovery.host.found': 'Host found',
  'discovery.host.ignored': 'Host set aside',
  'discovery.host.merged': 'Hosts merged',
  'discovery.host.split': 'Host split',
  'enrollment.agent.back': 'Agent reports again',
  'enrollment.agent.enrolled': 'Agent enrolled',
  'enrollment.agent.lost': 'Agent fell silent',
  'enrollment.agent.revoked': 'Agent revoked',
  'enrollment.deployment.finished': 'Deployment finished',
  'enrollment.deployment.started': 'Deployment started',
  'impact.exception.added': 'Risk accepted',
  'impact.exception.applied': 'Accepted risk applied to later findings',
  'impact.exception.ended': 'Accepted risk ended',
  'impact.exception.expired': 'Accepted risk expired',
  'trail.alarm.raised': 'Agent alarm: inconsistent trail',
};

export const typeInWords = (type: string): string => WORDS[type] ?? type;

/** What is worth reading of an entry in a timeline. */
function gist(entry: SequencedEntry): string {
  const detail = detailOf(entry);
  const findings = records(detail['findings']);
  if (entry.entry.type.startsWith('audit.findings')) {
    return findings
      .map((f) => [text(f['check']), text(f['endpoint'] ?? f['host'])].filter(Boolean).join(' on '))
      .join(', ');
  }
  if (entry.entry.type === 'change.step.finished') {
    const ok = detail['ok'] === false ? `not done: ${text(detail['error'])}` : 'done';
    return `${stepInWords(detail['step'])} on ${text(detail['host'])}, ${ok}`;
  }
  const known = ['title', 'name', 'endpoint', 'outcome', 'wave', 'why', 'cause', 'host', 'hostName', 'version'];
  return known
    .flatMap((key) => (detail[key] === undefined ? [] : text(detail[key])))
    .slice(0, 2)
    .join(', ');
}

export function timeline(entries: readonly SequencedEntry[]): Block {
  return {
    kind: 'timeline',
    items: entries.map((entry) => {
      const said = gist(entry);
      const parts: Inline[] = [typeInWords(entry.entry.type), said ? `: ${said}` : '', ' ', cite(entry)];
      return { at: when(entry.entry.at), who: whoOf(entry), text: parts };
    }),
  };
}

export function whoOf(entry: SequencedEntry): string {
  const { actor } = entry.entry;
  return actor.kind === 'system' ? `system (${actor.name})` : `${actor.name}${actor.ip ? ` from ${actor.ip}` : ''}`;
}

/** A step of a plan (or only its kind) as a person would say it. */
export function stepInWords(value: unknown): string {
  if (typeof value === 'string') return value;
  const step = record(value);
  const kind = text(step['kind'], 'step');
  const say: Record<string, () => string> = {
    'install-certificate': () => `install certificate ${text(step['certificatePath'])}`,
    'invalidate-sessions': () => `end all sessions of ${text(step['service'])}`,
    'reissue-certificate': () => `have ${text(step['authority'])} issue a new certificate`,
    'revoke-certificate': () => `revoke certificate ${text(step['serial'])}`,
    'rotate-key': () => `make a new key for ${text(step['keyPath'])}`,
    service: () => `${text(step['action'])} ${text(step['name'])}`,
    'set-file-line': () => `set ${text(step['key'])} to ${text(step['value'])} in ${text(step['path'])}`,
    'set-file-mode': () => `set mode ${text(step['mode'])} on ${text(step['path'])}`,
    sysctl: () => `set ${text(step['key'])} to ${text(step['value'])}`,
    'upgrade-package': () => `upgrade ${text(step['name'])} to ${text(step['version'])}`,
    'verify-revoked': () => `check that ${text(step['serial'])} is in ${text(step['crlUrl'])}`,
    'verify-served': () => `check from outside what ${text(step['address'])}:${text(step['port'])} serves`,
    'write-file': () => `write ${text(step['path'])}`,
  };
  return say[kind]?.() ?? kind;
}
