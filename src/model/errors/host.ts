import type { ErrorSpec } from './spec.ts';

export const HOST_ERRORS = {
  HOST_UNREACHABLE: { status: 502, text: 'Connecting to {host} over SSH did not work: {why}. Is the address right, and is its SSH server up?' },
  HOST_AUTH_REFUSED: { status: 403, text: 'Logging in to {host} as {username} was refused; check the credential.' },
  HOST_KEY_CHANGED: { status: 409, text: 'The SSH host key of {host} is {presented}, which is not the expected one. Nothing was sent to it; find out who answers there.' },
  HOST_KEY_UNREADABLE: { status: 400, text: 'Reading the private key for {host} did not work: {why}. Give a PEM or OpenSSH key, and its passphrase if it has one.' },
  HOST_CONNECTION_LOST: { status: 502, text: 'The SSH connection to {host} ended while {doing}; try again.' },
  HOST_FILE: { status: 500, text: 'On the host, {doing} {path} was refused: {why}. Check that the agent or login is root and the file system is healthy.' },
  HOST_FILE_TOO_LARGE: { status: 413, text: '{path} is larger than the {limit} bytes that are read of it; it was not read.' },
  HOST_COMMAND_TIMEOUT: { status: 504, text: '`{command}` did not end within {seconds} s and was stopped.' },
  HOST_COMMAND: { status: 500, text: '`{command}` ended with {code}: {why}. See the log of that tool on the host.' },
  HOST_NO_SYSTEMD: { status: 501, text: 'Asking systemd for its services gave no answer; services of other managers are not read yet.' },
} satisfies Record<string, ErrorSpec>;
