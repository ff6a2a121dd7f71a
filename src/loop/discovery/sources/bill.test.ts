import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SourceRecord } from './contract.ts';
import { bill } from './bill.ts';

function parse(lines: readonly string[], settings: Record<string, string> = {}) {
  const skipped: string[] = [];
  const asking = { settings, now: new Date(), skip: (why: string) => void skipped.push(why) };
  const records = bill.parse(lines.join('\r\n'), asking);
  return { records, skipped };
}
const brief = (records: readonly SourceRecord[]) =>
  records.map(({ name, identifiers, guess }) => [name, identifiers?.[0]?.value, guess]);

test('1.16: a FOCUS export of three clouds: machines by what they are called there, once each', () => {
  const { records, skipped } = parse([
    '\uFEFFBilledCost,ProviderName,SubAccountId,ServiceName,RegionId,ResourceId,ResourceName,ChargePeriodStart,Tags',
    '0.1,AWS,111122223333,Amazon EC2,eu-west-1,i-0123456789abcdef0,,2026-02-03T10:00:00Z,"{""a"": ""b, c""}"',
    '0.1,AWS,111122223333,Amazon EC2,eu-west-1,i-0123456789abcdef0,,2026-02-03T11:00:00Z,',
    '0.1,AWS,111122223333,Amazon S3,eu-west-1,arn:aws:s3:::bucket,,2026-02-03T11:00:00Z,',
    '0.2,Microsoft,s,Virtual Machines,westeurope,/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/Web-1,,2026-02-03T00:00:00Z,',
    '0.2,Google,p,Compute Engine,europe-west1,//compute.googleapis.com/projects/p/zones/z/instances/4711,db-1,2026-02-03T00:00:00Z,',
    '0.2,AWS,111122223333,Amazon EC2,eu-west-1,i-0000000000000dead,,2026-01-02T00:00:00Z,',
  ]);
  assert.deepEqual(brief(records), [
    [undefined, 'aws:i-0123456789abcdef0', 'Amazon EC2, account 111122223333, eu-west-1'],
    ['Web-1', undefined, 'Virtual Machines, account s, westeurope'],
    ['db-1', 'gcp:4711', 'Compute Engine, account p, europe-west1'],
  ]);
  assert.deepEqual(skipped, ['charge that is for no machine', 'charge of a machine that may have ended since']);
});

test('1.16: AWS’s own report, by its own names; what is no cost export is refused', () => {
  const head =
    'identity/LineItemId,lineItem/UsageAccountId,lineItem/UsageStartDate,lineItem/ProductCode,lineItem/ResourceId';
  const { records } = parse([head, 'x,1,2026-02-03T10:00:00Z,AmazonEC2,i-01234567']);
  assert.deepEqual(brief(records), [[undefined, 'aws:i-01234567', 'AmazonEC2, account 1']]);
  assert.throws(() => parse(['a,b,c']), /no column resourceid or /);
  assert.throws(
    () => parse([head, 'x,1,yesterday,AmazonEC2,i-01234567']),
    /line 2 has "yesterday" where a time should be/,
  );
  assert.throws(() => parse([head], { days: 'many' }), /days is "many"/);
});
