import type { Untried } from './spec.ts';

const named = (kit: string, ...checks: string[]): string[] => checks.map((check) => `${kit}/${check}`);

/** Seen to fail and to pass on hosts of the lab, by a test of its own. */
export const ELSEWHERE: readonly Required<Untried>[] = [
  {
    checks: named('cloned-identities', 'ssh-host-key', 'machine-id', 'agent-identity'),
    why: 'they compare hosts, which takes two of them and a server',
    test: 'lab/netns/clones.test.ts',
  },
];

/**
 * Every shipped check that was not seen to fail and to pass in the lab: why, and the test that shows it where there is
 * one. There is none now.
 */
export const UNTRIED: readonly Untried[] = [];
