import type { ErrorSpec } from './spec.ts';

export const ENROLLMENT_ERRORS = {
  CREDENTIAL_EXISTS: {
    status: 409,
    text: 'There is a credential named "{name}" already; remove it first or choose another name.',
  },
  CREDENTIAL_KEY_INVALID: {
    status: 400,
    text: 'Reading the private key of credential "{name}" did not work: {why}. Give a PEM or OpenSSH key, and its passphrase if it has one.',
  },
  CREDENTIAL_AGENT: {
    status: 400,
    text: 'Asking the ssh-agent at {socket} for credential "{name}" did not work: {why}. Give the socket of an agent that the server may use, with a key in it (ssh-add -l).',
  },
  DEPLOY_NOTHING: {
    status: 400,
    text: 'Nothing to deploy: no host matches. List candidates with `lastember hosts --unknown`.',
  },
  DEPLOY_NOTHING_LEFT: {
    status: 400,
    text: 'Nothing to deploy again: every host of that deployment has its agent.',
  },
  DEPLOY_NOT_OVER: {
    status: 409,
    text: 'Deployment {id} is not over yet; what failed in it is tried again after that. Watch it: `lastember deployment show {id}`.',
  },
  DEPLOY_TIME: {
    status: 400,
    text: 'A deployment between {from} and {to} has no time left; give a later --not-after.',
  },
  DEPLOY_NOT_APPROVED: {
    status: 409,
    text: 'Nothing was done on {host}: {why}. Deploy to it anew.',
  },
  DEPLOY_STATE: {
    status: 409,
    text: 'The deployment is {state}; it can be {verb} only while it is {needs}.',
  },
  DEPLOY_LIST_LONG: {
    status: 400,
    text: 'The list has {rows} rows; give at most {most} at a time.',
  },
  DEPLOY_RULE_EXISTS: {
    status: 409,
    text: 'There is a deployment rule named "{name}" already; end it first or choose another name.',
  },
  DEPLOY_RULE_WHERE: {
    status: 400,
    text: 'A deployment rule cannot be for "{where}": give an address, a CIDR or a tag as key=value.',
  },
  DEPLOY_RULE_LOGIN: {
    status: 400,
    text: 'The login "{name}" would hand its password to whatever machine turns up there. Give one with a key, or bind it to where it may be used: lastember credential add --for.',
  },
  DEPLOY_RULE_TIME: {
    status: 400,
    text: 'A deployment rule lasts until an instant in the future, and at most {days} days; {to} is not that.',
  },
  DEPLOY_RULE_STATE: {
    status: 409,
    text: 'The deployment rule "{name}" is {state}; only a standing rule that waits for it is approved.',
  },
  CREDENTIAL_BOUND_INVALID: {
    status: 400,
    text: 'Credential "{name}" cannot be bound to "{bound}": {why}. Give an address, a CIDR, a host or a tag as key=value.',
  },
  DEPLOY_NO_CREDENTIAL: {
    status: 400,
    text: 'Deploying needs a credential; add one with `lastember credential add`. Keys are tried everywhere; passwords only where they are bound to (--for) or when they are named (--credential).',
  },
  DEPLOY_NO_CREDENTIAL_HERE: {
    status: 409,
    text: 'No credential may be used for {host} at {address}: those that are there are bound to other places. Add one for it with `lastember credential add --for {address}`.',
  },
  DEPLOY_DEADLINE: {
    status: 409,
    text: 'Installing the agent on {host} took longer than {seconds} s; it stopped answering while {doing}. Look at the machine, or allow more time with LASTEMBER_DEPLOY_SECONDS.',
  },
  LOOK_DEADLINE: {
    status: 409,
    text: 'Looking at {host} over SSH took longer than {seconds} s; it stopped answering while {doing}. Look at the machine; the next look comes by itself.',
  },
  LOOK_INCOMPLETE: {
    status: 409,
    text: 'Looking at {host} over SSH did not bring what is needed to judge it ({why}). Look at the machine; the next look comes by itself.',
  },
  ACCESS_LOST: {
    status: 409,
    text: 'Changing {host} over SSH stopped: this worker could not say any more that it is at it, and another may be. It goes on by itself.',
  },
  AGENTLESS_HAS_AGENT: {
    status: 409,
    text: '{host} has an agent, which sees more than SSH does; revoke it first: lastember agents revoke {agent}.',
  },
  CREDENTIAL_IS_BASTION: {
    status: 409,
    text: 'The credential {other} goes through a bastion as {name}; remove {other} first.',
  },
  BASTION_UNREADY: {
    status: 409,
    text: 'The bastion {bastion} cannot be gone through: {why}.',
  },
  CREDENTIAL_IN_USE: {
    status: 409,
    text: 'The credential {name} is how {hosts} host(s) are looked after without an agent; see `lastember access list` and end that first.',
  },
  DEPLOY_NO_SSH: {
    status: 409,
    text: 'Discovery saw no SSH server on {host}; scan it with the port its SSH listens on.',
  },
  DEPLOY_NO_LOGIN: { status: 409, text: 'Logging in to {host} was refused with every credential tried ({tried}).' },
  DEPLOY_HOST_KEY_UNSEEN: {
    status: 409,
    text: 'Logging in on {host} stopped: {endpoint} was seen, but its SSH host key could not be read, so nobody knows who answers there. Look again: lastember scan {address}.',
  },
  DEPLOY_HOST_KEY_CHANGED: {
    status: 409,
    text: 'The SSH host key of {host} at {endpoint} is {presented}, but {expected} was seen before. If the machine was rebuilt on purpose, deploy again with --accept-host-key; otherwise find out who answers there.',
  },
  DEPLOY_NOT_ROOT: {
    status: 409,
    text: 'The login on {host} is not root (uid {uid}); the agent must be installed by root. Add the login again with --become sudo or --become doas.',
  },
  DEPLOY_PLATFORM: {
    status: 409,
    text: 'No agent runs on {host}: it is {platform}. Linux on x86-64 or arm64 is needed.',
  },
  DEPLOY_NO_SPACE: {
    status: 409,
    text: '{host} has {free} MB free at {path}, and the agent needs {need} MB there while it is installed. Make room, or look after the host without an agent: lastember deploy --agentless {host}.',
  },
  DEPLOY_NO_RUNTIME: {
    status: 409,
    text: '{host} has no Node 22.18 or newer, and this server holds the runtime for {have} only, not for {need}. Fetch it on the server: npm install --no-save --cpu {need} node-linux-{need}.',
  },
  DEPLOY_AGENT_DOES_NOT_RUN: {
    status: 409,
    text: 'The agent does not run on {host}: {why}. It needs glibc 2.28 and libstdc++. Look after the host without an agent: lastember deploy --agentless {host}.',
  },
  DEPLOY_COMMAND: {
    status: 409,
    text: 'Installing the agent on {host} stopped at `{command}`: {why}. Try it there by hand.',
  },
  DEPLOY_NO_CHECK_IN: {
    status: 409,
    text: 'The agent on {host} was started but did not enrol within {seconds} s; can the host reach {server}? Its log is in the journal of lastember-agent, or in /var/log/lastember-agent.log.',
  },
  DEPLOY_ENROLL_REFUSED: {
    status: 409,
    text: 'The agent on {host} was started, and this server did not take it ({why})',
  },
  AGENT_BUNDLE_MISSING: {
    status: 500,
    text: 'The agent bundle is not built; run `npm run build:agent` and try again.',
  },
  UPDATE_NOTHING: {
    status: 400,
    text: 'Nothing to update: no agent that is meant reports, runs another program than this server has, and is in no other update. See `lastember agents` and `lastember agent updates`.',
  },
  UPDATE_STATE: { status: 409, text: 'The update is {state}; that cannot be done to it any more.' },
  ENROLL_TOKEN_REFUSED: {
    status: 403,
    text: 'The enrollment token was refused: it {why}. Make a new one: lastember enroll-token create.',
  },
  SCANNER_KEY_KNOWN: {
    status: 409,
    text: 'The key of this scanner is that of {scanner} already. Each scanner has a key of its own: give it an empty data directory (--data) and a new token.',
  },
  SCANNER_NOT_ENROLLED: {
    status: 409,
    text: 'This scanner is not enrolled for site {site} with {server}. Give it a token: lastember scanners token --site {site}.',
  },
  SCANNER_TOKEN_FORM: {
    status: 400,
    text: 'That is no token for a scanner. Make one on the server: lastember scanners token --site {site}.',
  },
  SCANNER_SERVER_UNPROVEN: {
    status: 409,
    text: '{server} is not the server that the token is of: it shows another authority. Make sure that nobody stands in between, and make a new token there.',
  },
  ENROLL_HOST_TAKEN: {
    status: 409,
    text: 'What {host} says of itself is a host whose agent reports. If it is that machine, stop its agent and try again after {minutes} minutes, or put the new one there from the server: lastember deploy --force.',
  },
  ENROLL_TOKEN_ELSEWHERE: {
    status: 403,
    text: 'The enrollment token is for hosts that call from {network}, and this one calls from {address}. Make one for it: lastember enroll-token create --for {address}.',
  },
  TOKEN_NETWORK_INVALID: {
    status: 400,
    text: 'A token cannot be bound to "{network}": give an address or a CIDR, such as 192.0.2.0/24.',
  },
  ENROLL_OTHER_HOST: {
    status: 403,
    text: 'The token is for {host}, but this machine is another one ({why}); make a token for the machine itself.',
  },
  ENROLL_REQUEST_INVALID: {
    status: 400,
    text: 'The certificate request is not a self-signed Ed25519 PKCS#10 request.',
  },
  RENEWAL_OTHER_KEY: {
    status: 400,
    text: 'The certificate request is not for the key that this agent enrolled with; deploy the agent again.',
  },
  GOODBYE_REFUSED: { status: 403, text: 'The goodbye is not signed by the agent that it is said to be of.' },
  ENROLL_KEY_SHARED: {
    status: 403,
    text: 'The key of the certificate request is that of {agent}, which two machines used; make a new key.',
  },
  UNINSTALL_DEADLINE: {
    status: 409,
    text: 'Uninstalling the agent of {host} took longer than {seconds} s; it stopped answering while {doing}. Look at the machine, or allow more time with LASTEMBER_DEPLOY_SECONDS.',
  },
  UNINSTALL_LEFT: {
    status: 409,
    text: 'Uninstalling the agent of {host} left {paths} there. Remove them by hand.',
  },
  UNINSTALL_MIDWAY: {
    status: 409,
    text: '{host} is in the middle of a change ({what}): without the agent nobody brings it to its end or undoes it. Wait for its end; or, on the host, `lastember-agent uninstall --force`.',
  },
  UNINSTALL_PACKAGED: {
    status: 409,
    text: 'The agent of {host} came with a {format} package; its package manager has to take it away, as in: {command}.',
  },
  UNINSTALL_NOTHING: {
    status: 409,
    text: '{host} has no agent, and none of its files are there; there is nothing to uninstall.',
  },
  AGENT_REVOKED: { status: 403, text: 'Agent {id} is revoked; enrol it again with a new token.' },
} satisfies Record<string, ErrorSpec>;
