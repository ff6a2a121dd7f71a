import assert from 'node:assert/strict';
import { test } from 'node:test';
import { data, tree } from '../facts/testing.ts';
import { parseSudoers, type Sudoers } from './sudoers.ts';

const parse = (text: string): Promise<Sudoers> => parseSudoers('/etc/sudoers', text, async () => []);
const SECONDS = 5000;

async function quickly(text: string): Promise<Sudoers> {
  const before = performance.now();
  const parsed = await parse(text);
  assert.ok(performance.now() - before < SECONDS, text.slice(0, 60));
  return parsed;
}

test('sudoers: aliases that lead back to themselves, or multiply, end', async () => {
  const { sudo } = await quickly(
    'User_Alias A = A,A,A,x\nUser_Alias B = C,C,y\nUser_Alias C = B,B\nA,B ALL=(ALL) ALL\n',
  );
  assert.ok(sudo.length < 10);
  assert.ok(['x', 'y'].every((who) => sudo.some((one) => one.who === who)));
  const chain = Array.from({ length: 60 }, (_, n) => `User_Alias A${n} = ${`A${n + 1},`.repeat(10)}u${n}`).join('\n');
  const deep = await quickly(`${chain}\nA0 ALL=(ALL) ALL\n`);
  assert.equal(deep.sudo.length, 61);
  assert.deepEqual(deep.unread, []);
});

test('sudoers: a line that means a million grants is cut, and that is said', async () => {
  const list = (name: string): string => Array.from({ length: 900 }, (_, n) => `${name}${n}`).join(',');
  const { sudo, unread } = await quickly(
    `User_Alias U = ${list('u')}\nCmnd_Alias C = ${list('/c')}\nHost_Alias H = ${list('h')}\nU H=(ALL) C : H=(root) NOPASSWD: C\n`,
  );
  assert.ok(sudo.length > 0 && sudo.length < 900);
  assert.deepEqual(unread, ['/etc/sudoers']);
});

test('sudoers: half a mebibyte of anything is read at once', async () => {
  for (const unit of [
    '(',
    '"',
    '\\"',
    ' : ',
    '=(',
    ',,',
    'ALL=(ALL) ',
    'x : y=',
    '#',
    'User_Alias A = A : ',
    'NOPASSWD:',
  ]) {
    await quickly(`joe ALL=${unit.repeat((512 * 1024) / unit.length)}\n`);
    await quickly(`joe ALL=${unit.repeat(15_000 / unit.length)}\n`.repeat(34));
  }
});

test('sudoers: each file is read once, however often and from wherever it is named', async () => {
  const copies = Object.fromEntries(
    Array.from({ length: 8 }, (_, n) => [
      `etc/sudoers.d/${n}`,
      `u${n} ALL=(ALL) ALL\n@includedir /etc/sudoers.d\n@includedir /etc//sudoers.d/\n@include /etc/sudoers\n`,
    ]),
  );
  const { sudo, unread } = await data(tree({ 'etc/sudoers': '@includedir /etc/sudoers.d\n', ...copies }), 'users');
  assert.equal(sudo.length, 8);
  assert.deepEqual(unread, []);
});

test('sudoers: what stands before a command is told beside it; a full grant looks like one', async () => {
  const forms = [
    'CWD=/tmp ALL',
    'TIMEOUT=8h CHROOT="/a b" NOPASSWD: ALL',
    'ROLE=sysadm_r TYPE = sysadm_t ALL',
    'NOTBEFORE=20200101Z NOTAFTER=21000101Z NOEXEC: ALL',
    'sha224:0GomF8mNN3wlDt1HD9XldjJ3SNgpFdbjO1+NsQ== ALL',
    'sha256:aa, sha512:bb ALL',
    'NOPASSWD : CWD=/tmp ALL',
  ];
  for (const form of forms) {
    const { sudo } = await parse(`joe ALL=(ALL) ${form}\n`);
    assert.deepEqual(
      sudo.map((one) => one.commands),
      [['ALL']],
      form,
    );
    assert.equal(sudo[0]!.password, !form.includes('NOPASSWD'), form);
    assert.ok(sudo[0]!.tags.length > 0, form);
  }
});

test('sudoers: who is not asked for a password by default has grants without one', async () => {
  const asked = async (text: string): Promise<string[]> =>
    (await parse(text)).sudo.filter((one) => one.password).map((one) => one.who);
  const grants = 'joe ALL=(ALL) ALL\namy ALL=(ALL) ALL\n%ops ALL=(ALL) PASSWD: ALL\n';
  assert.deepEqual(await asked(grants), ['joe', 'amy', '%ops']);
  assert.deepEqual(await asked(`Defaults env_reset, !authenticate\n${grants}`), ['%ops']);
  assert.deepEqual(await asked(`User_Alias U = joe\nDefaults:U !authenticate\n${grants}`), ['amy', '%ops']);
  assert.deepEqual(await asked(`Defaults !authenticate\nDefaults:amy authenticate\n${grants}`), ['amy', '%ops']);
  assert.deepEqual(await asked(`Defaults!/bin/ls !authenticate\n${grants}`), ['joe', 'amy', '%ops']);
});
