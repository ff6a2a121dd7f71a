import { changes, records, text, texts } from '../../model/detail.ts';
import type { StepOutcome } from '../../model/plan.ts';

type Seen = Readonly<Record<string, unknown>>;
type Words = (before: Seen, after: Seen) => string;

const short = (value: unknown): string => text(value).slice(0, 16);
const process = (before: Seen, after: Seen): string =>
  before['pid'] === after['pid']
    ? `process ${text(after['pid'])}`
    : `process ${text(before['pid'], 'none')} → ${text(after['pid'], 'none')}`;
const day = (value: unknown): string => text(value).slice(0, 10);

/** The package brought another version of a settings file that somebody had changed; nobody was asked. */
const kept = (after: Seen): string => {
  const files = texts(after['kept']);
  return files.length > 0 ? `; kept as it was: ${files.join(', ')}` : '';
};

/** What is worth reading of each kind; whole files and certificate requests stay in the change record. */
const WORDS: Record<string, Words> = {
  'upgrade-package': (before, after) => {
    const also = records(after['also']).map((one) => `${text(one['name'])} ${text(one['to'])}`);
    const main = `${text(after['name'])} ${text(before['version'])} → ${text(after['version'])}`;
    return `${also.length > 0 ? `${main}, with ${also.join(', ')}` : main}${kept(after)}`;
  },
  'upgrade-packages': (before, after) =>
    records(before['packages'])
      .map((one) => `${text(one['name'])} ${text(one['from'])} → ${text(one['to'])}`)
      .join(', ') + kept(after),
  service: (before, after) =>
    typeof after['enabled'] === 'boolean'
      ? `${after['enabled'] ? 'starts' : 'does not start'} at boot`
      : `is ${text(after['state'])}, ${process(before, after)}`,
  reboot: (before, after) =>
    `kernel ${text(before['kernel'])} → ${text(after['kernel'])}, ${text(after['units'], 'its')} services are back`,
  'package-hold': (_, after) => `${text(after['name'])} is ${after['held'] === true ? '' : 'not '}on hold`,
  'lock-user': (_, after) => `${text(after['user'])} is locked and expired`,
  'set-file-section': (_, after) => `section ${text(after['section'])} is set, SHA-256 ${short(after['sha256'])}…`,
  'run-script': (_, after) => {
    const others = texts(after['undeclared']);
    return `ended well${others.length > 0 ? `, and changed what it had not declared: ${others.join(', ')}` : ''}`;
  },
  'set-file-line': (_, after) => `the line is "${text(after['line'])}"`,
  'set-file-mode': (before, after) => `mode ${text(before['mode'])} → ${text(after['mode'])}`,
  sysctl: (before, after) => `${text(before['value'], '–')} → ${text(after['value'])}`,
  'write-file': (_, after) => `written, SHA-256 ${short(after['sha256'])}…`,
  'rotate-key': (before, after) => `key ${short(before['spki'])}… → ${short(after['spki'])}…`,
  'reissue-certificate': (_, after) => `certificate ${text(after['serial'])}, valid until ${day(after['notAfter'])}`,
  'install-certificate': (_, after) => `certificate ${text(after['serial'])} is in place`,
  'verify-served': (_, after) => `serves key ${short(after['spki'])}…; ${text(after['reason'])}`,
  'revoke-certificate': (_, after) => `revoked: ${text(after['reason'])}`,
  'verify-revoked': (_, after) =>
    `stands in the list of ${text(after['issuer'])}${after['signatureChecked'] === true ? ', signature checked' : ''}`,
  'invalidate-sessions': (before, after) => `new secret; ${text(after['service'])} is ${process(before, after)}`,
  health: (_, after) => {
    const accepting = texts(after['listeners']);
    return accepting.length > 0 ? `accepts connections on ${accepting.join(', ')}` : 'no listener to look at';
  },
};

/** Steps that only look: that they changed nothing says nothing. */
const LOOKING = new Set(['verify-served', 'verify-revoked', 'health']);

/** What was seen when a step was done or taken back. */
export function outcomeInWords(
  outcome: Pick<StepOutcome, 'kind' | 'phase' | 'changed' | 'before' | 'after' | 'error'>,
): string {
  const { kind, phase, changed, before, after, error } = outcome;
  if (error !== null) return error;
  if (phase === 'undo') return changed ? 'as it was before' : 'there was nothing to take back';
  if (!changed && !LOOKING.has(kind)) return 'was so already';
  return WORDS[kind]?.(before, after) ?? changes(before, after);
}
