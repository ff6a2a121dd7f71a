import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../../client/client.ts';
import { FindingsSearch } from '../search.ts';
import { unlessUnknown } from './unless-unknown.ts';

test('an address that names what is not there shows nothing; what went wrong otherwise is told', async () => {
  const refused = (status: number, code: string): Promise<string> =>
    Promise.reject(new ApiError(status, { code, message: 'why' }));
  assert.equal(await unlessUnknown(Promise.resolve('found'), 'none'), 'found');
  assert.equal(await unlessUnknown(refused(404, 'NOT_FOUND'), 'none'), 'none');
  await assert.rejects(unlessUnknown(refused(403, 'FORBIDDEN'), 'none'), { code: 'FORBIDDEN' });
  await assert.rejects(unlessUnknown(Promise.reject(new Error('broken')), 'none'), /broken/);
  assert.deepEqual(
    { ...FindingsSearch.parse({ kit: '', severity: 'grave', stale: 'maybe', state: 'nope' }) },
    { kit: undefined, severity: undefined, stale: undefined, state: undefined },
  );
  assert.deepEqual(FindingsSearch.parse({ kit: 'removed', severity: 'low' }), { kit: 'removed', severity: 'low' });
});
