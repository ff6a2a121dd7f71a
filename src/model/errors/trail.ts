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
} satisfies Record<string, ErrorSpec>;
