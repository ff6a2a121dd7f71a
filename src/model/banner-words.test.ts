import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bannerInWords } from './banner-words.ts';

const hex = (text: string): string => Buffer.from(text, 'latin1').toString('hex');

test('a banner that is text is read as text, on one line', () => {
  assert.equal(bannerInWords(hex('220 mail ESMTP\r\n250 ok\r\n')), '“220 mail ESMTP · 250 ok”');
});

test('other bytes stay hex, and silence is said in words', () => {
  assert.equal(bannerInWords('160301'), 'unknown bytes 160301');
  assert.equal(bannerInWords(`00${'61'.repeat(40)}`), `unknown bytes 00${'61'.repeat(15)}…`);
  assert.equal(bannerInWords(''), 'says nothing by itself');
});
