import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding } from '../../../../model/finding.ts';
import type { Match } from '../advisories/match.ts';
import { kindOf } from './sarif.ts';
import { ofFinding, ofMatch, openVex, type VexStatement } from './vex.ts';

test('what was closed without proof is exported as neither burning nor fixed', () => {
  const finding = {
    id: 'f',
    hostId: 'h',
    hostName: 'web',
    endpoint: null,
    component: 'openssl',
    advisories: ['CVE-2014-0160'],
    state: 'not-applicable',
    severity: 'high',
    evidence: {},
    closeReason: 'the kit x is not installed any more',
    closedAt: '2026-11-20T10:00:00.000Z',
  } as unknown as Finding;
  const [said] = ofFinding(finding);
  assert.deepEqual([said?.status, said?.action], ['under_investigation', null]);
  assert.match(said!.note, /not installed any more/);
  assert.deepEqual(kindOf(finding), { kind: 'notApplicable', level: 'none' });
});

test('3.6: what settings keep from harm is exported as not affected, and not as if its code were not there', async () => {
  const finding = {
    id: 'f',
    hostId: 'h',
    hostName: 'web',
    endpoint: null,
    component: 'openssh-server',
    advisories: ['CVE-2024-6387'],
    state: 'not-applicable',
    severity: 'critical',
    evidence: { mitigated: 'LoginGraceTime 0 is in force' },
    closeReason: 'not affected by configuration: LoginGraceTime 0 is in force',
    lastSeenAt: '2026-11-20T10:00:00.000Z',
  } as unknown as Finding;
  const statements = async function* (): AsyncGenerator<VexStatement> {
    yield* ofFinding(finding);
  };
  let text = '';
  for await (const part of openVex({ at: finding.lastSeenAt, origin: 'x' }, statements())) text += part;
  const [told] = (JSON.parse(text) as { statements: Record<string, string>[] }).statements;
  assert.deepEqual([told!['status'], told!['justification']], ['not_affected', 'inline_mitigations_already_exist']);
  assert.match(told!['status_notes']!, /LoginGraceTime 0 is in force/);
});

test('an advisory that is told of under its CVEs is affected, and says what to do, as each that is has to', () => {
  const match = { id: 'DSA-1-1', verdict: 'bundled', fix: '2', why: 'fixed in 2' } as const;
  const statement = { aliases: ['CVE-2026-1'], feed: 'osv', time: 0 } as unknown as Match['statement'];
  const accepted = { exceptionId: 'e', until: new Date(0), reason: null, control: null };
  for (const one of [undefined, accepted]) {
    const { status, action } = ofMatch({ ...match, statement }, 'pkg:deb/debian/x@1', 'x', one);
    assert.deepEqual([status, action?.endsWith('Update to 2')], ['affected', true]);
  }
});
