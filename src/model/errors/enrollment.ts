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
  DEPLOY_NOTHING: {
    status: 400,
    text: 'Nothing to deploy: no host matches. List candidates with `lastember hosts --unknown`.',
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
  AGENT_BUNDLE_MISSING: {
    status: 500,
    text: 'The agent bundle is not built; run `npm run build:agent` and try again.',
  },
  UPDATE_NOTHING: {
    status: 400,
    text: 'Nothing to update: no agent that is meant reports, runs another program than this server has, and is in no other update. See `lastember agents` and `lastember agent updates`.',
  },
  UPDATE_STATE: { status: 409, text: 'The update is {state}; that cannot be done to it any more.' },
  ENROLL_TOKEN_REFUSED: { status: 403, text: 'The enrollment token is unknown, used or expired; ask for a new one.' },
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
  AGENT_REVOKED: { status: 403, text: 'Agent {id} is revoked; enrol it again with a new token.' },
} satisfies Record<string, ErrorSpec>;
