import type { ErrorSpec } from './spec.ts';

export const HOST_ERRORS = {
  HOST_UNREACHABLE: {
    status: 502,
    text: 'Connecting to {host} over SSH did not work: {why}. Is the address right, and is its SSH server up?',
  },
  HOST_BECOME_REFUSED: {
    status: 403,
    text: 'Becoming root on {host} with {method} did not work: {why}. Check the password and what the login may run.',
  },
  HOST_AUTH_REFUSED: { status: 403, text: 'Logging in to {host} as {username} was refused; check the credential.' },
  HOST_KEY_CHANGED: {
    status: 409,
    text: 'The SSH host key of {host} is {presented}, which is not the expected one. Nothing was sent to it; find out who answers there.',
  },
  HOST_KEY_UNREADABLE: {
    status: 400,
    text: 'Reading the private key for {host} did not work: {why}. Give a PEM or OpenSSH key, and its passphrase if it has one.',
  },
  HOST_CONNECTION_LOST: { status: 502, text: 'The SSH connection to {host} ended while {doing}; try again.' },
  HOST_LOCKED: {
    status: 409,
    text: 'Nothing was begun on {host}: it is held by {by}. It is tried again by itself; see who is at work there.',
  },
  HOST_NO_ANSWER: {
    status: 504,
    text: '{host} gave no answer about a file for {seconds} s; see whether a file system on it hangs.',
  },
  HOST_FILE: {
    status: 500,
    text: 'On the host, {doing} {path} was refused: {why}. Check that the agent or login is root and the file system is healthy.',
  },
  HOST_FILE_TOO_LARGE: {
    status: 413,
    text: '{path} is larger than the {limit} bytes that are read of it; it was not read.',
  },
  HOST_COMMAND_TIMEOUT: { status: 504, text: '`{command}` did not end within {seconds} s and was stopped.' },
  HOST_COMMAND: { status: 500, text: '`{command}` ended with {code}: {why}. See the log of that tool on the host.' },
  HOST_SECTION_TIMEOUT: {
    status: 504,
    text: 'Collecting {section} did not end within {seconds} s; see whether a file system on the host hangs.',
  },
  HOST_LOOK_TIMEOUT: {
    status: 504,
    text: 'There was no time left for {section}: a look ends after {seconds} s. See which sections before it took long.',
  },
  HOST_NO_PACKAGES: {
    status: 501,
    text: 'Looking for the packages of the host found no database of dpkg, rpm or apk; other package managers are not read.',
  },
  HOST_NO_SERVICES: {
    status: 501,
    text: 'Asking systemd for its services gave no answer, and there is no OpenRC and no init script; see `systemctl status` on the host.',
  },
  STEP_DRIFT: { status: 409, text: '{what}. The host is not as it was approved; make a new plan.' },
  STEP_PACKAGE_ABSENT: {
    status: 409,
    text: 'Package {name} is not installed, so there is nothing to upgrade; make a new plan.',
  },
  STEP_PACKAGES_UNFINISHED: {
    status: 409,
    text: 'Packages on this host were begun and not finished ({names}), and nothing is installed beside them. Run {repair} there, then make a new plan.',
  },
  STEP_READ_ONLY: {
    status: 409,
    text: '{paths} is mounted read-only on this host, so no package can be changed there; nothing was. Mount it for writing, or tell apt to (DPkg::Pre-Invoke), then make a new plan.',
  },
  STEP_WOULD_REMOVE: {
    status: 409,
    text: 'Installing {packages} would remove {removed}; that was not approved. Resolve it by hand or plan another version.',
  },
  STEP_PACKAGES_UNSOLVABLE: {
    status: 409,
    text: 'The package manager of this host finds no way to bring it to {packages}: {why}. Nothing was changed; resolve it by hand or plan other versions.',
  },
  STEP_NOT_EFFECTIVE: { status: 500, text: '{what}. Look at the host before trying again.' },
  STEP_FILE_ABSENT: { status: 409, text: 'There is no {path} on the host; make a new plan.' },
  STEP_PATH: {
    status: 400,
    text: 'The path {path} may not be changed by a step: it is not an absolute path of a plain file, or it belongs to the agent or the kernel.',
  },
  STEP_INVALID_RESULT: { status: 409, text: 'The new {path} was not put in place, because {tool} refuses it: {why}.' },
  STEP_SERVICE: {
    status: 500,
    text: '{name} was not {wanted} {seconds} s after its {action}; it is {state}. Read its journal or log on the host.',
  },
  STEP_UNSUPPORTED: { status: 501, text: 'Carrying out {kind} is not possible on this host: {why}.' },
  STEP_LOCK: { status: 409, text: 'The account {user} was not locked: {why}.' },
  STEP_SCRIPT: {
    status: 500,
    text: 'The script {what}. Its last words: {output}. What it had done by then was not taken back; look at the host.',
  },
  STEP_PACKAGE_HELD: {
    status: 409,
    text: 'On hold on this host: {names}. Somebody decided that these stay as they are; nothing was upgraded. Let go of them first (step package-hold), or plan without them.',
  },
  STEP_PACKAGE_FAILED: {
    status: 500,
    text: 'The package manager gave up: {why}. {left}. See {logs} on the host.',
  },
  STEP_REBOOT: {
    status: 500,
    text: 'The host was told to reboot and still runs after {seconds} s. See on its console what keeps it; it was not told again.',
  },
  STEP_REBOOTED: {
    status: 500,
    text: 'The host has rebooted, but {what}. A reboot cannot be undone: look at the host.',
  },
  STEP_GUARD: {
    status: 500,
    text: 'The timer that puts the old settings of {unit} back did not start, so {unit} was not touched. See whether the host has a shell and room in /var/lib/lastember.',
  },
  STEP_ACCESS: {
    status: 409,
    text: 'With its new settings {unit} would not let us in any more: {why}. The old settings {back}. Look at the new ones before trying again.',
  },
  STEP_DEAF: {
    status: 500,
    text: '{name} runs, but did not accept connections on {at} within {seconds} s. Read its journal on the host.',
  },
  STEP_PUT_BACK: {
    status: 500,
    text: '{why}. What this task had changed in {paths} was put back, {back}.',
  },
  STEP_KEY: { status: 409, text: 'Making a new key for {path} stopped: {why}.' },
  STEP_CHAIN: { status: 409, text: 'The certificate for {path} was not installed: {why}.' },
  STEP_CANNOT_UNDO: { status: 409, text: 'Undoing {kind} is not possible: {why}.' },
  REFUSED_PLAN_UNREADABLE: {
    status: 403,
    text: 'The plan is not in canonical form or not a plan this agent knows; nothing was done.',
  },
  REFUSED_PLAN_ALTERED: {
    status: 403,
    text: 'The plan has digest {actual}, the task says {stated}: the plan was altered after it was made. Nothing was done.',
  },
  REFUSED_OTHER_HOST: { status: 403, text: 'Task {task} is for agent {agent}, not for this one.' },
  REFUSED_TASK_UNKNOWN: { status: 403, text: 'The plan holds no task {task}.' },
  REFUSED_LEG: { status: 403, text: 'Steps {from} to {to} of task {task} are no run of host steps of the plan.' },
  REFUSED_APPROVAL_FORGED: {
    status: 403,
    text: 'The signature of approver key {key} is not genuine. Nothing was done; find out who made it.',
  },
  REFUSED_APPROVAL_OTHER_PLAN: { status: 403, text: 'The approval by key {key} is for another plan or change.' },
  REFUSED_APPROVAL_BY_AUTHOR: {
    status: 403,
    text: 'The approval by key {key} is by the author of the plan, who may not approve it.',
  },
  REFUSED_APPROVAL_KEY_UNKNOWN: {
    status: 403,
    text: 'Approver key {key} was not pinned when this agent enrolled. Enrol it again if that approver is meant to decide here.',
  },
  REFUSED_APPROVALS_MISSING: {
    status: 403,
    text: 'The plan needs {needed} approvals by different people; {have} were given.',
  },
  REFUSED_TOO_EARLY: { status: 409, text: 'The plan may not start before {notBefore}.' },
  REFUSED_EXPIRED: { status: 409, text: 'The plan could be started until {notAfter}; make a new one.' },
  REFUSED_REPLAYED: {
    status: 409,
    text: 'Task {task} of this plan was carried out or undone on this host before; a task runs once.',
  },
  REFUSED_OUT_OF_ORDER: { status: 409, text: 'Step {index} of task {task} has to be {wanted} first.' },
  REFUSED_UNDO: { status: 409, text: 'The plan does not provide for undoing task {task}.' },
  REFUSED_DRIFT: { status: 409, text: '{difference}.' },
  REFUSED_TRAIL_INCONSISTENT: {
    status: 409,
    text: 'The history that the server showed does not continue the one this agent saw ({why}). It carries out nothing until an operator has looked into it and run `lastember-agent clear-alarm` on this host.',
  },
  REFUSED_RELEASE: { status: 409, text: 'The update {update} was not taken: {why}.' },
  REFUSED_TRAIL_ALTERED: {
    status: 409,
    text: 'The history of this server does not continue the one that was seen at the last change of this host ({why}). Nothing is carried out there until an operator has looked into it and removed alarm.json and checkpoint in {dir} on the host, or adopted it again.',
  },
  AGENT_CONFIG: { status: 400, text: 'Reading the settings of the agent in {path} did not work: {why}.' },
  AGENT_NOT_ENROLLED: {
    status: 409,
    text: 'This agent has no certificate and its settings hold no enrollment token; deploy it again.',
  },
  AGENT_OTHER_MACHINE: {
    status: 400,
    text: 'This is another machine than the one that the agent enrolled on, as a copy of it is, and it goes by no other machine’s name. Put a token of its own into its settings: lastember enroll-token create --config.',
  },
  AGENT_SERVER: { status: 502, text: '{method} {path} was answered with {status} ({why}).' },
  AGENT_SERVER_UNREACHABLE: { status: 502, text: 'Reaching the server at {server} did not work ({why}).' },
} satisfies Record<string, ErrorSpec>;
