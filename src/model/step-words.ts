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
  'set-file-line': (step) => `in ${step.path} set ${step.key} to ${step.value}`,
  'write-file': (step) => `write ${step.path} (mode ${step.mode}, ${step.content.length} characters)`,
  'set-file-mode': (step) => `set the mode of ${step.path} to ${step.mode}`,
  service: ({ action, name }) =>
    action === 'enable' || action === 'disable'
      ? `have ${name} ${action === 'enable' ? 'start' : 'not start'} at boot`
      : `${action} ${name}`,
  sysctl: (step) => `set ${step.key} to ${step.value}`,
  'rotate-key': (step) => `make a new key for ${step.names.join(', ')} (${step.keyPath})`,
  'reissue-certificate': (step) => `have ${step.authority} issue a certificate for ${step.names.join(', ')}`,
  'install-certificate': (step) => `install it in ${step.certificatePath}`,
  'verify-served': (step) => `see from outside that ${step.address}:${step.port} serves the new key`,
  'revoke-certificate': (step) => `have ${step.authority} revoke certificate ${step.serial}`,
  'verify-revoked': (step) => `see certificate ${step.serial} in ${step.crlUrl}`,
  'package-hold': ({ name, hold }) => (hold ? `hold ${name} at its version` : `let go of ${name}, which was on hold`),
  'lock-user': ({ user }) => `lock the account ${user}`,
  'set-file-section': ({ path, name, content }) =>
    content === ''
      ? `in ${path} remove the section ${name}`
      : `in ${path} set the section ${name} (${content.length} characters)`,
  'run-script': (step) => `run a script of ${step.script.split('\n').length} lines; ${declaredInWords(step)}`,
  reboot: ({ kernel }) => `reboot${kernel === undefined ? '' : ` into kernel ${kernel}`}; this cannot be undone`,
  'invalidate-sessions': (step) => `end the sessions of ${step.service}`,
};

function declaredInWords({ files, services, packages }: StepOf<'run-script'>): string {
  const parts = [
    files.length > 0 ? `writes ${files.join(', ')}` : '',
    services.length > 0 ? `restarts ${services.join(', ')}` : '',
    packages.length > 0 ? `changes the packages ${packages.join(', ')}` : '',
  ].filter(Boolean);
  return parts.length > 0 ? `it ${parts.join('; ')}` : 'it declares to change nothing';
}

/** A step as a person would say it; `relies` of its task adds what an upgrade starts from. */
export function stepInWords(step: Step, relies: Relies = []): string {
  return (WORDS[step.kind] as (step: Step, relies: Relies) => string)(step, relies);
}
