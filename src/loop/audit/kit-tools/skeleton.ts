/** The files of a new kit: one check that works, with all its fixtures, to be changed into what is meant. */
export const skeleton = (name: string): Readonly<Record<string, string>> => ({
  'kit.yaml': `kit: ${name}
version: 0.1.0
title: What this kit is about
summary: >-
  What it looks for, and where, in two or three sentences.
references: [NIST 800-53 CM-6]
applies: facts.os.id in ['debian', 'ubuntu']

checks:
  - kind: host
    id: syn-cookies-off
    title: SYN cookies are off
    severity: medium
    why: >-
      What an attacker gains by it, in a sentence or two that somebody who is not from here understands.
    references: [NIST 800-53 SC-5]
    controls:
      nist-800-53: [SC-5]
    component: "'net.ipv4.tcp_syncookies'"
    when: "'net.ipv4.tcp_syncookies' in facts.settings.sysctl"
    expect: facts.settings.sysctl['net.ipv4.tcp_syncookies'] == '1'
    evidence: { value: "facts.settings.sysctl['net.ipv4.tcp_syncookies']" }

remediate:
  - id: syn-cookies-on
    fixes: [syn-cookies-off]
    steps:
      - { kind: sysctl, key: net.ipv4.tcp_syncookies, value: '1' }

texts:
  risk: What it means for the business that this is so.
  owner: What happens to the service when it is put right.
`,
  'fixtures/base.yaml': `# A host where all is well, as its agent reports it (GET /api/v1/hosts/ID/facts). Cases change parts of it.
facts:
  os:
    id: debian
    versionId: '12'
    codename: bookworm
    prettyName: Debian GNU/Linux 12 (bookworm)
    arch: x86_64
    hostname: web-1
    machineId: null
    bootId: null
    kernel: 6.1.0-28-amd64
    image: null
    libc: null
    serviceManager: systemd
  settings:
    sshd: {}
    sysctl: { net.ipv4.tcp_syncookies: '1' }
    users: []
`,
  'fixtures/syn-cookies-off.yaml': `cases:
  - expect: pass
  - expect: fail
    facts: { settings: { sysctl: { net.ipv4.tcp_syncookies: '0' } } }
  - expect: not-applicable # this kernel has no such parameter
    without: facts.settings.sysctl
    facts: { settings: { sysctl: {} } }
`,
});
