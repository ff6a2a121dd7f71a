import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding } from '../../../../model/finding.ts';
import { kindOf } from './sarif.ts';
import { ofFinding } from './vex.ts';

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
    closeReason: 'the kit x is not installed any more',
    closedAt: '2026-11-20T10:00:00.000Z',
  } as unknown as Finding;
  const [said] = ofFinding(finding);
  assert.deepEqual([said?.status, said?.action], ['under_investigation', null]);
  assert.match(said!.note, /not installed any more/);
  assert.deepEqual(kindOf(finding), { kind: 'notApplicable', level: 'none' });
});
