import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAppError } from '../../../model/errors/index.ts';
import { checkSchedule, isDue } from './schedule.ts';

test('a schedule is due once its time and the scope’s own delay have passed', () => {
  const last = new Date('2030-01-01T03:00:30Z');
  const scope = { id: 'scope_x', every: '0 3 * * *' };
  assert.equal(isDue(scope, last, new Date('2030-01-02T02:59:59Z')), false);
  assert.equal(isDue(scope, last, new Date('2030-01-02T03:02:01Z')), true);
  const startAt = (id: string): number => {
    for (let second = 0; second <= 121; second++) {
      if (isDue({ ...scope, id }, last, new Date(Date.UTC(2030, 0, 2, 3, 0, second)))) return second;
    }
    return -1;
  };
  const starts = new Set(Array.from({ length: 50 }, (_, i) => startAt(`scope_${i}`)));
  assert.ok(!starts.has(-1));
  assert.ok(starts.size > 20, 'scopes of one schedule start at different seconds');
  assert.throws(
    () => checkSchedule('every day'),
    (error) => isAppError(error, 'SCHEDULE_INVALID'),
  );
});
