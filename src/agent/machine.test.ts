import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAnother, type Machine } from './machine.ts';

const UUID = '4c4c4544-0042-3510-8052-b4c04f4e3332';
const TURNED = '44454c4c-4200-1035-8052-b4c04f4e3332';
const machine = (machineId: string | null, uuid: string | null): Machine => ({ machineId, uuid });

test('2.6: another machine is one whose machine id or firmware UUID is another; what is not known says nothing', () => {
  const here = machine('a', UUID);
  assert.ok(!isAnother(here, here));
  assert.ok(isAnother(here, machine('b', UUID)), 'a container of the same machine');
  assert.ok(isAnother(here, machine('a', UUID.replace('3332', '3333'))), 'a copy made by a hypervisor');
  assert.ok(!isAnother(here, machine('a', TURNED)), 'the firmware turned its bytes round');
  for (const [before, now] of [
    [machine('a', null), here],
    [here, machine(null, UUID)],
    [machine(null, null), here],
  ] as const)
    assert.ok(!isAnother(before, now) && !isAnother(now, before));
});

test('2.6: it is the same from both sides', () => {
  const one = fc.record({
    machineId: fc.option(fc.constantFrom('a', 'b')),
    uuid: fc.option(fc.constantFrom(UUID, TURNED, UUID.replace('4c4c', '5d5d'))),
  });
  fc.assert(fc.property(one, one, (a, b) => isAnother(a, b) === isAnother(b, a)));
});
