import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { createLog } from './index.ts';

function capture() {
  let text = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  return { log: createLog('info', stream), text: () => text };
}

test('secret fields never reach the log, at any depth and in child loggers', () => {
  const { log, text } = capture();
  const secret = 'hunter2-do-not-print';
  for (const field of ['token', 'password', 'secret', 'privateKey', 'authorization', 'cookie', 'passphrase', 'ott']) {
    log.info({ [field]: secret }, 'top');
    log.info({ a: { [field]: secret } }, 'one down');
    log.info({ req: { headers: { [field]: secret } } }, 'two down');
    log.info({ a: { b: { c: { [field]: secret } } } }, 'three down');
    log.info({ list: [{ [field]: secret }] }, 'in a list');
    log.child({ step: 'x' }).warn({ [field]: secret }, 'child');
  }
  log.info({ req: { headers: { 'set-cookie': secret } } }, 'quoted name');
  assert.doesNotMatch(text(), /hunter2/);
  assert.equal(text().match(/\[redacted\]/g)?.length, 8 * 6 + 1);
});

test("a pg error's and a catalogue error's fields survive, so that logs stay useful", () => {
  const { log, text } = capture();
  log.error({ err: Object.assign(new Error('boom'), { code: '53100' }), host: 'h1' }, 'something broke');
  const line = JSON.parse(text()) as { err: { code: string; message: string }; host: string; msg: string };
  assert.equal(line.err.code, '53100');
  assert.equal(line.host, 'h1');
  assert.equal(line.msg, 'something broke');
});

test('below the level nothing is written', () => {
  const { log, text } = capture();
  log.debug({ x: 1 }, 'quiet');
  assert.equal(text(), '');
});
