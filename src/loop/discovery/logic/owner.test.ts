import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Owned, Owners, stemOf, subnetOf } from './owner.ts';

const host = (id: string, fields: Partial<Owned>): Owned => ({
  id,
  name: id,
  owner: null,
  addresses: [],
  tlsKeys: [],
  ...fields,
});

test('whose a host may be: by key, by name, by who sees it, by subnet; the strongest first', () => {
  const owners = new Owners([
    host('till-1', { owner: 'shop', addresses: ['10.0.1.1'] }),
    host('till-2', { owner: 'shop', addresses: ['10.0.1.2'] }),
    host('db-1', { owner: 'data', addresses: ['10.0.1.3'], tlsKeys: ['K'] }),
    host('web', { owner: 'web', addresses: ['10.0.2.1'] }),
    host('nobody', { addresses: ['10.0.1.9'] }),
  ]);
  const found = owners.of(host('x', { name: 'till-3', addresses: ['10.0.1.77'], tlsKeys: ['K'] }), ['web', 'nobody']);
  assert.deepEqual(found, [
    { owner: 'data', why: ['serves the TLS key of db-1'] },
    { owner: 'shop', why: ['is called like till-1 and till-2', 'is in 10.0.1.0/24, where 2 of 3 are theirs'] },
    { owner: 'web', why: ['is seen by web'] },
  ]);
  assert.deepEqual(owners.of(host('y', { addresses: ['10.9.9.9'] }), []), []);
});

test('a subnet that is shared evenly says nothing', () => {
  const owners = new Owners([
    host('a', { owner: 'one', addresses: ['10.0.1.1'] }),
    host('b', { owner: 'two', addresses: ['10.0.1.2'] }),
  ]);
  assert.deepEqual(owners.of(host('x', { addresses: ['10.0.1.3'] }), []), []);
});

test('names that are counted through are siblings', () => {
  assert.equal(stemOf('db-07.fra.example.org'), stemOf('DB12.fra.example.org'));
  assert.notEqual(stemOf('db-07.fra.example.org'), stemOf('db-07.ams.example.org'));
  assert.equal(stemOf('192.0.2.7'), null);
  assert.equal(stemOf('printer'), null);
});

test('a subnet holds its address, whatever the address', () => {
  fc.assert(fc.property(fc.ipV4(), (address) => subnetOf(address) === address.replace(/\.\d+$/, '.0/24')));
  assert.equal(subnetOf('2001:db8:0:12::5'), '2001:db8:0:12::/64');
  assert.equal(subnetOf('no address'), null);
});
