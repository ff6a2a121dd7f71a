import type { ErrorSpec } from './spec.ts';

export const AUDIT_ERRORS = {
  KIT_INVALID: {
    status: 400,
    text: 'Loading the kit in {file}:{line}:{column} stopped: {why}. What a kit may hold is in kits/README.md.',
  },
  KIT_DUPLICATE: { status: 400, text: 'Two kits are called {kit}: {file} and {other}. Rename one of them.' },
  FACTS_HASH: {
    status: 400,
    text: 'The facts section {section} does not have the hash it was sent with ({hash}); nothing of the request was stored. Send it again.',
  },
  FEED_INVALID: {
    status: 400,
    text: 'The feed {name} ({kind}) was not added: {why}. `lastember feed kinds` tells what each kind asks for.',
  },
  FEED_EXISTS: { status: 409, text: 'There is a feed called {name} already; `lastember feed list` shows it.' },
  FEED_REFUSED: {
    status: 422,
    text: 'What came as {name} was refused: {why}. What was in force before still is.',
  },
  POLICY_INVALID: {
    status: 400,
    text: 'Nothing was set, because of {name}: {why}. `lastember policies list` and `lastember kit list` show what there is.',
  },
  PROFILE_IN_USE: {
    status: 409,
    text: 'The profile {name} was not removed: the policy {policy} uses it. Remove that first: lastember policies remove {policy}.',
  },
  ADVISORY_UNKNOWN: {
    status: 404,
    text: 'Neither a kit nor a feed here knows {advisory}, so nobody was judged by it; `lastember kit list` and `lastember feed list` show them.',
  },
  NOTHING_TO_EXPORT: {
    status: 404,
    text: 'There is nothing to write into the file: {why}.',
  },
  AFFECTED_QUERY: {
    status: 400,
    text: '"{query}" is neither an advisory (CVE-…, DSA-…) nor a kit nor a package URL (pkg:deb/debian/NAME@VERSION) that can be looked up; `lastember kit list` shows the kits.',
  },
} satisfies Record<string, ErrorSpec>;
