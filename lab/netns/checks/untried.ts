import type { Untried } from './spec.ts';

const named = (kit: string, ...checks: string[]): string[] => checks.map((check) => `${kit}/${check}`);

/** Each check’s pass and fail, on facts that were written down once. */
const FIXTURES = 'src/loop/audit/kits.test.ts';

/** Every shipped check that no group tries: why, and the test that shows it where there is one. */
export const UNTRIED: readonly Untried[] = [
  {
    checks: named('linux-baseline', 'audit-service'),
    why: 'the kernel lets only the machine itself record: auditd does not start in namespaces',
  },
  {
    checks: named('linux-baseline', 'app-armor', 'app-armor-complains'),
    why: 'AppArmor is of the machine’s kernel, and a boot is what turns it on',
  },
  {
    checks: named('heartbleed', 'heartbleed-probe', 'heartbleed-package'),
    why: 'servers that truly bleed, and all steps of the funnel: on the demo’s hosts',
    test: 'tests/system/demo.test.ts',
  },
  {
    checks: named('heartbleed', 'heartbleed-outside-packages'),
    why: 'no remediation: whoever put a copy outside of all packages has to replace it',
    test: 'src/loop/audit/outside-packages.test.ts',
  },
  {
    checks: named('security-updates', 'security-updates-pending'),
    why: 'real updates of three releases, by change, with agents',
    test: 'lab/netns/loop.test.ts',
  },
  {
    checks: named('kernel', 'kernel-not-running', 'files-until-boot'),
    why: 'the lab’s hosts run the machine’s kernel, whatever they boot',
    test: 'src/host/tasks/reboot.test.ts',
  },
  {
    checks: named('dirty-kernel', 'dirty-pipe', 'dirty-cow'),
    why: 'the kernel is the machine’s, and no remediation is shipped',
    test: 'src/loop/audit/logic/judge/kernel.test.ts',
  },
  {
    checks: named('open-services', 'control-plane', 'files'),
    why: 'etcd that was locked by certificates is TLS alone to a look, which clears nothing. Of files, no look of ours tells it of a service over TCP; what real servers of both answer is seen there',
    test: 'lab/netns/servers.test.ts',
  },
  {
    checks: named('end-of-life', 'os-support-ends'),
    why: 'it fails in the last half year of a release only, and no change makes a release newer',
  },
  {
    checks: named('security-updates', 'security-updates-kept-away', 'security-updates-not-looked-for'),
    why: 'no remediation, and the lab’s archive has no security suite: fixtures only',
    test: FIXTURES,
  },
  {
    checks: named('unmanaged-packages', 'packages-of-foreign-archives'),
    why: 'no remediation: whether an archive is wanted is for a person to say. Fixtures only',
    test: FIXTURES,
  },
  {
    checks: named('log4shell', 'log4j-in-use', 'log4j-not-looked-at'),
    why: 'no remediation: an archive within a program is its maker’s to replace. Fixtures only',
    test: FIXTURES,
  },
  {
    checks: named('ssh-hardening', 'open-login'),
    why: 'no remediation: it would let whoever reaches the lab in as root. Fixtures only',
    test: FIXTURES,
  },
  {
    checks: named('terrapin', 'terrapin-probe'),
    why: 'every sshd that the lab’s releases have numbers packets anew. Fixtures only',
    test: FIXTURES,
  },
  {
    checks: named('tls-hygiene', 'compression', 'insecure-renegotiation'),
    why: 'neither Debian’s OpenSSL nor the runtime of 2013 compresses, or renegotiates unbound. Fixtures only',
    test: FIXTURES,
  },
  {
    checks: named('tls-hygiene', 'revoked-but-served'),
    why: 'its authority has to be asked, which the worker does. A real responder is asked there',
    test: 'src/loop/audit/revocation/revocation.test.ts',
  },
  {
    checks: named('tls-hygiene', 'must-staple'),
    why: 'what it shows beside its certificate is read where looks are stored. Real servers and responses are seen there',
    test: 'src/loop/discovery/stapled.test.ts',
  },
  {
    checks: named('cloned-identities', 'ssh-host-key', 'machine-id', 'agent-identity'),
    why: 'they compare hosts, and one is made bad here. Seen with several, on the database and with real keys, there',
    test: 'src/loop/audit/identities.test.ts',
  },
  {
    checks: [
      ...named('oscap', 'oscap-high', 'oscap-medium', 'oscap-low', 'oscap-info', 'content-fits', 'results-read'),
      ...named('lynis', 'lynis-medium', 'lynis-low', 'results-read'),
    ],
    why: 'no remediation: they pass on what another tool said, which is read from real results there',
    test: 'src/loop/audit/reports.test.ts',
  },
];
