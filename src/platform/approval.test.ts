import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Approval, ApproverKey } from '../model/plan.ts';
import { approvers, judgeApproval, judgeTime, keyIdOf, type ApprovalContext } from './approval.ts';
import { canonicalBytes } from './ledger/canonical.ts';

interface Person {
  secret: KeyObject;
  key: ApproverKey;
}

function person(id: string): Person {
  const secret = generateKeyPairSync('ed25519').privateKey;
  const raw = Buffer.from(createPublicKey(secret).export({ format: 'jwk' }).x!, 'base64url');
  return { secret, key: { keyId: keyIdOf(raw), person: id, name: id, publicKey: raw.toString('base64') } };
}

const anna = person('anna');
const adam = person('adam');
const olga = person('olga');
const digest = 'd'.repeat(64);
const context: ApprovalContext = {
  plan: { changeId: 'change_1', author: 'olga', notAfter: '2026-02-01T00:00:00.000Z' },
  digest,
  keys: [anna.key, adam.key, olga.key],
};
const at = '2026-01-10T00:00:00.000Z';

function approve(by: Person, more: Partial<Approval['statement']> = {}): Approval {
  const base = { type: 'lastember/approval/v1' as const, changeId: 'change_1', plan: digest };
  const statement = { ...base, keyId: by.key.keyId, approvedAt: at, ...more };
  return { statement, signature: sign(null, canonicalBytes(statement), by.secret).toString('base64') };
}

test('a genuine approval is its key holder’s', () => {
  assert.deepEqual(judgeApproval(approve(anna), context), anna.key);
});

test('5.2: the author’s own approval never counts', () => {
  assert.equal(judgeApproval(approve(olga), context), 'APPROVAL_BY_AUTHOR');
});

test('forged, altered, replayed for another plan or change, or by an unknown key: refused', () => {
  const good = approve(anna);
  const borrowed = { statement: { ...good.statement, keyId: adam.key.keyId }, signature: good.signature };
  assert.equal(judgeApproval(borrowed, context), 'APPROVAL_FORGED');
  const altered = { ...good, statement: { ...good.statement, approvedAt: '2026-01-11T00:00:00.000Z' } };
  assert.equal(judgeApproval(altered, context), 'APPROVAL_FORGED');
  assert.equal(judgeApproval({ ...good, signature: '' }, context), 'APPROVAL_FORGED');
  assert.equal(judgeApproval(good, { ...context, digest: 'e'.repeat(64) }), 'APPROVAL_OTHER_PLAN');
  assert.equal(judgeApproval(approve(anna, { changeId: 'change_2' }), context), 'APPROVAL_OTHER_PLAN');
  assert.equal(judgeApproval(approve(person('eve')), context), 'APPROVAL_KEY_UNKNOWN');
  assert.equal(judgeApproval(good, { ...context, keys: [adam.key] }), 'APPROVAL_KEY_UNKNOWN');
});

test('a key list with swapped ids lets nobody sign as another', () => {
  const swapped = { ...anna.key, publicKey: olga.key.publicKey };
  const forged = approve(olga, { keyId: anna.key.keyId });
  assert.equal(judgeApproval(forged, { ...context, keys: [swapped] }), 'APPROVAL_KEY_UNKNOWN');
});

test('people are counted, not signatures', () => {
  const second = { ...person('anna') };
  const keys = [...context.keys, second.key];
  assert.deepEqual(approvers([approve(anna), approve(second)], { ...context, keys }), ['anna']);
  assert.deepEqual(approvers([approve(anna), approve(adam), approve(olga)], context), ['anna', 'adam']);
});

test('an approval is given between the making of the plan and its end', () => {
  const madeAt = new Date('2026-01-09T00:00:00.000Z');
  const { plan } = context;
  assert.equal(judgeTime(approve(anna), plan, madeAt, new Date(at)), null);
  assert.equal(judgeTime(approve(anna), plan, madeAt, new Date('2026-02-01T00:00:00.001Z')), 'APPROVAL_EXPIRED');
  const early = approve(anna, { approvedAt: '2026-01-08T00:00:00.000Z' });
  assert.equal(judgeTime(early, plan, madeAt, new Date(at)), 'APPROVAL_TIME');
  assert.equal(judgeTime(approve(anna), plan, madeAt, new Date('2026-01-09T12:00:00.000Z')), 'APPROVAL_TIME');
});

test('property: whatever bit of the statement or signature is flipped, the approval is refused', () => {
  const good = approve(anna);
  fc.assert(
    fc.property(fc.nat(63), fc.nat(7), (byte, bit) => {
      const bytes = Buffer.from(good.signature, 'base64');
      bytes[byte]! ^= 1 << bit;
      assert.equal(typeof judgeApproval({ ...good, signature: bytes.toString('base64') }, context), 'string');
    }),
  );
});
