import type { Step, StepKind, StepOf } from './kit.ts';
import type { Task } from './plan.ts';

type Relies = Task['relies'];

const WORDS: { [K in StepKind]: (step: StepOf<K>, relies: Relies) => string } = {
  'upgrade-package': (step, relies) => {
    const now = relies.find((item) => item.kind === 'package' && item.name === step.name);
    return `upgrade ${step.name}${now?.kind === 'package' ? ` from ${now.version}` : ''} to ${step.version}`;
  },
  'upgrade-packages': ({ packages }) =>
    `upgrade ${packages.length === 1 ? '1 package' : `${packages.length} packages`} at once: ${packages.map((one) => one.replace('=', ' to ')).join(', ')}`,
  'set-file-line': ({ path, key, separator, value }) =>
    `in ${path} set ${key} to ${value}${/^ ?=? ?$/.test(separator) ? '' : `, written as ${JSON.stringify(`${key}${separator}${value}`)}`}`,
  'write-file': (step) => `write ${step.path} (mode ${step.mode}, ${step.content.length} characters)`,
  'set-file-mode': (step) => `set the mode of ${step.path} to ${step.mode}`,
  service: ({ action, name }) =>
    action === 'enable' || action === 'disable'
      ? `have ${name} ${action === 'enable' ? 'start' : 'not start'} at boot`
      : `${action} ${name}`,
  sysctl: (step) => `set ${step.key} to ${step.value}`,
  'rotate-key': (step) => `make a new key for ${step.names.join(', ')} (${step.keyPath}) in place of ${step.oldSpki}`,
  'reissue-certificate': (step) => `have ${step.authority} issue a certificate for ${step.names.join(', ')}`,
  'install-certificate': (step) =>
    `install it for ${step.names.join(', ')} in ${step.certificatePath}, with its key in ${step.keyPath}, if ${step.issuerSpki} signed it`,
  'verify-served': (step) =>
    `see from outside that ${step.address}:${step.port} serves another key than ${step.oldSpki}`,
  'revoke-certificate': (step) => `have ${step.authority} revoke certificate ${step.serial}`,
  'verify-revoked': (step) => `see certificate ${step.serial} in ${step.crlUrl}`,
  'package-hold': ({ name, hold }) => (hold ? `hold ${name} at its version` : `let go of ${name}, which was on hold`),
  'lock-user': ({ user }) => `lock the account ${user}`,
  'set-file-section': ({ path, name, content, comment }) =>
    content === ''
      ? `in ${path} remove the section ${name}${markedBy(comment)}`
      : `in ${path} set the section ${name}${markedBy(comment)} (${content.length} characters)`,
  'run-script': (step) =>
    `run a script of ${step.script.split('\n').length} lines, of at most ${step.timeoutSeconds} seconds; ${declaredInWords(step)}`,
  reboot: ({ kernel, since }) =>
    `reboot${kernel === undefined ? '' : ` into kernel ${kernel}`}${since === undefined ? '' : `, unless boot ${since} is over already`}; this cannot be undone`,
  'invalidate-sessions': (step) => `end the sessions of ${step.service} with a new secret in ${step.path}`,
};

const markedBy = (comment: string): string => (comment === '#' ? '' : ` between comments that begin with ${comment}`);

function declaredInWords({ files, services, packages }: StepOf<'run-script'>): string {
  const parts = [
    files.length > 0 ? `writes ${files.join(', ')}` : '',
    services.length > 0 ? `restarts ${services.join(', ')}` : '',
    packages.length > 0 ? `changes the packages ${packages.join(', ')}` : '',
  ].filter(Boolean);
  return parts.length > 0 ? `it ${parts.join('; ')}` : 'it declares to change nothing';
}

/**
 * A step as a person would say it, on one line; `relies` of its task adds what an upgrade starts from. With `contentOf` it
 * shows every text that a signature of the plan covers.
 */
export function stepInWords(step: Step, relies: Relies = []): string {
  return visible((WORDS[step.kind] as (step: Step, relies: Relies) => string)(step, relies), HIDING);
}

/** What a step writes or runs, as it stands: it is signed, so whoever signs has to read it. Null: it has no such text. */
export function contentOf(step: Step): string | null {
  const text = textOf(step);
  return text === '' ? null : visible(text, HIDING_IN_LINES);
}

function textOf(step: Step): string {
  if (step.kind === 'run-script') return step.script;
  return step.kind === 'write-file' || step.kind === 'set-file-section' ? step.content : '';
}

/** What steers a terminal, turns the direction of a line or has no width would hide a part of what is signed. */
const HIDING = /[\p{Cc}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Bidi_Control}]/gu;
const HIDING_IN_LINES = /(?![\n\t])[\p{Cc}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Bidi_Control}]/gu;

const visible = (text: string, hiding: RegExp): string =>
  text.replace(hiding, (found) => `\\u{${found.codePointAt(0)!.toString(16)}}`);
