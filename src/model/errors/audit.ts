import type { ErrorSpec } from './spec.ts';

export const AUDIT_ERRORS = {
  KIT_INVALID: {
    status: 400,
    text: 'Loading the kit in {file}:{line}:{column} stopped: {why}. What a kit may hold is in kits/README.md.',
  },
  KIT_FIXTURE: {
    status: 400,
    text: 'Reading {file} of the kit stopped: {why}. kits/README.md says what a fixture holds.',
  },
  KIT_SOURCE: {
    status: 400,
    text: 'Reading the kit in {source} stopped: {why}. A kit is a folder with a kit.yaml and fixtures, or a .tar or .tar.gz of one.',
  },
  KIT_KEY: {
    status: 400,
    text: 'The key for kits cannot be used: {why}. `openssl genpkey -algorithm ed25519 -out FILE` makes one; `lastember kit sign` prints its public half.',
  },
  KIT_UNSIGNED: {
    status: 422,
    text: 'The kit {kit} {version} was not installed: {why}. Nothing was changed.',
  },
  KIT_PINNED: {
    status: 409,
    text: 'The kit {kit} has the digest {digest}, and {pinned} was asked for. Nothing was changed; get the kit again from who told you that digest.',
  },
  KIT_SHIPPED: {
    status: 409,
    text: 'The kit {kit} comes with this release and can be neither replaced nor removed. Give yours another name.',
  },
  KIT_IN_USE: {
    status: 409,
    text: 'The kit {kit} was not removed: {findings} of its findings burn, and nothing else could close them. Install a newer version of it, or accept them with an exception first.',
  },
  KIT_IN_PROFILE: {
    status: 409,
    text: 'The kit {kit} was not removed: the profile {profile} names it, and hosts would be held to less than it says. Take the kit out of the profile first.',
  },
  KIT_VERSION: {
    status: 409,
    text: 'The kit {kit} {version} is installed already, with other contents (digest {digest}). Raise its version, or remove it first.',
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
    text: '"{query}" is neither an advisory (CVE-…, DSA-…) nor a kit nor a package URL (pkg:deb/debian/NAME@VERSION; rpm, apk, npm, pypi, maven and gem likewise) that can be looked up; `lastember kit list` shows the kits.',
  },
} satisfies Record<string, ErrorSpec>;
