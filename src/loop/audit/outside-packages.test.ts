import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { OpenSslCopy } from '../../model/facts.ts';
import type { Finding } from '../../model/finding.ts';
import { type World, world } from './testing/world.ts';

let w: World;
before(async () => {
  w = await world();
});
after(() => w.close());

const PATH = '/opt/shop/lib/libssl.so.1.0.0';
const copy = (more: Partial<OpenSslCopy>): OpenSslCopy => ({
  path: PATH,
  library: 'OpenSSL',
  version: '1.0.1f',
  linked: 'shared',
  usedBy: ['shop.service'],
  stale: [],
  container: false,
  ...more,
});
const findings = (): Promise<Finding[]> => w.audit.findings({ check: 'heartbleed-outside-packages' });

test('3.5: a copy of OpenSSL with Heartbleed outside of packages burns until it was seen to be gone or another', async () => {
  const hostId = await w.find('10.1.0.30', 'SHA256:legacy');
  const tell = async (...copies: OpenSslCopy[]): Promise<Finding> => {
    w.later();
    await w.send(hostId, { openssl: copies });
    await w.settle();
    const found = await findings();
    assert.equal(found.length, 1);
    return found[0]!;
  };
  const opened = await tell(copy({}), copy({ path: '/opt/new/lib/libcrypto.so.3', version: '3.0.15+quic' }));
  assert.deepEqual([opened.state, opened.component, opened.advisories], ['open', PATH, ['CVE-2014-0160']]);
  assert.deepEqual([opened.evidence['version'], opened.evidence['runBy']], ['1.0.1f', ['shop.service']]);

  const unread: Partial<OpenSslCopy> = { library: null, version: null, linked: null, usedBy: [] };
  assert.equal((await tell(copy(unread))).state, 'open', 'it cannot be read any more');
  assert.equal((await tell(copy({ ...unread, path: '/opt' }))).state, 'open', 'nobody could look where it lay');
  const replaced = await tell(copy({ version: '1.0.1u', stale: ['shop.service'] }));
  assert.equal(replaced.state, 'open', 'replaced on disk, the old one still runs');
  assert.equal((await tell(copy({ version: '1.0.1u' }))).state, 'fixed');
  assert.equal((await tell(copy({}))).state, 'rekindled');
  assert.equal((await tell()).state, 'fixed', 'it is gone');
});
