import type { ErrorSpec } from './spec.ts';

export const TRAIL_ERRORS = {
  TRAIL_REWRITTEN: {
    status: 500,
    text: 'The trail is not continued, because it was rewritten: {why}. Run `lastember trail verify` to see what was altered, and restore the database from a backup.',
  },
  TRAIL_TRUNCATED: {
    status: 500,
    text: 'The trail is not continued: it has {has} entries, but {signed} were signed before. If the database was restored from an older backup on purpose, remove {file}.',
  },
  TRAIL_NODE_MISSING: {
    status: 500,
    text: 'Proving the trail stopped: node {index} of level {level} is missing from the tree. Run `lastember trail verify` to see what was removed.',
  },
  TRAIL_EMPTY: { status: 404, text: 'Nothing is on the signed trail yet; it appears within a second or two.' },
  TRAIL_SIZE: { status: 400, text: 'A proof of {what} was asked, but the signed trail has {size} entries.' },
  NOTIFIER_INVALID: {
    status: 400,
    text: 'Adding notifier "{name}" did not work: {why}. `lastember notify add --help` says what it takes.',
  },
  NOTIFIER_EXISTS: {
    status: 409,
    text: 'There is a notifier named "{name}" already; remove it first or choose another name.',
  },
  NOTIFIER_FAILED: {
    status: 502,
    text: 'The message to "{name}" was not taken: {why}. Check its address and secret, remove it and add it again.',
  },
} satisfies Record<string, ErrorSpec>;
