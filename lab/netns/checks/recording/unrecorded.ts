import type { Untried } from '../spec.ts';

/** Checks that are tried, and were not where the fixtures of this release were recorded: why. */
export const UNRECORDED: readonly Untried[] = [
  {
    checks: ['ptrace-scope', 'bpf-jit-harden', 'sysrq', 'kexec'].map((id) => `linux-baseline/${id}`),
    why: 'the kernel of that machine has no such parameter',
  },
];
