import type { ErrorSpec } from './spec.ts';

export const AUTH_ERRORS = {
  SIGN_IN_REFUSED: { status: 401, text: 'Name or password is not right.' },
  PASSWORD_WRONG: { status: 403, text: 'The current password is not right; nothing was changed.' },
  PASSWORD_BY_TOKEN: { status: 403, text: 'A token cannot change a password; sign in to the console for that.' },
  LINK_REFUSED: {
    status: 401,
    text: 'The one-time link was used already or has expired. Run `lastember user link NAME` on the server for a new one.',
  },
  CSRF: {
    status: 403,
    text: 'The request carries a session cookie but not the x-lastember header; only the console may use the session.',
  },
  ROLE_TOO_HIGH: { status: 403, text: 'A token cannot have a higher role ({role}) than the person it is for ({own}).' },
  PERSON_EXISTS: { status: 409, text: 'There is a person named "{name}" already; choose another name.' },
  LAST_ADMIN: { status: 409, text: '{name} is the last administrator; make someone else one first.' },
  KEY_INVALID: {
    status: 400,
    text: 'The public key is not a raw 32-byte Ed25519 key in base64. Make one with `lastember key new NAME`.',
  },
  KEY_EXISTS: { status: 409, text: 'Key {keyId} is registered already.' },
  KEY_ROLE: { status: 403, text: 'Only approvers and administrators register approver keys; your role is {role}.' },
} satisfies Record<string, ErrorSpec>;
