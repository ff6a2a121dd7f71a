import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from './errors/index.ts';
import { plainText } from './text.ts';

const HOSTILE = `a\0b \ud800 ${'x'.repeat(1993)}\u{1F525}`;

test('whatever a stranger says becomes text that can be stored: whole characters, no NUL, an end', () => {
  const text = plainText(HOSTILE);
  assert.ok(text.isWellFormed() && !text.includes('\0') && text.length === 2001, `${text.length}`);
  assert.equal(plainText('as it was \u{1F525}'), 'as it was \u{1F525}');
});

test('errors say what strangers said in such text', () => {
  const error = new AppError('DEPLOY_COMMAND', { host: 'shop', command: 'true', why: HOSTILE });
  for (const text of [error.message, String(error.params['why'])]) {
    assert.ok(text.isWellFormed() && !text.includes('\0') && text.length < 3000, text);
  }
});
