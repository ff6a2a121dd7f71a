import assert from 'node:assert/strict';
import { createHash, createHmac, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { importSPKI, jwtVerify } from 'jose';
import { aws } from './aws.ts';
import { azure } from './azure.ts';
import { digitalocean } from './digitalocean.ts';
import { gcp } from './gcp.ts';
import { hetzner } from './hetzner.ts';
import { type Asked, api, readAll } from './testing/api.ts';

test('1.4: Hetzner Cloud: every page, every address, the cloud’s id and labels', async (t) => {
  const server = (id: number) => ({
    id,
    name: `web-${id}`,
    status: 'running',
    public_net: {
      ipv4: { ip: `203.0.113.${id}`, blocked: false, dns_ptr: `static.${id}.example.net` },
      ipv6: { ip: `2001:db8:${id}::/64`, blocked: false, dns_ptr: [] },
      floating_ips: [],
    },
    private_net: [{ network: 4711, ip: `10.0.0.${id}`, alias_ips: [`10.0.1.${id}`], mac_address: '86:00:ff:2a:7d:e1' }],
    server_type: { id: 1, name: 'cx22' },
    labels: { env: 'prod' },
  });
  const { url, asked, close } = await api(({ headers, url: { pathname, searchParams } }) => {
    if (headers.authorization !== 'Bearer sesame')
      return { status: 401, body: { error: { code: 'unauthorized', message: 'unable to authenticate' } } };
    if (pathname !== '/v1/servers') return undefined;
    const page = Number(searchParams.get('page'));
    return {
      body: {
        servers: page === 1 ? [server(1), server(2)] : [server(3)],
        meta: {
          pagination: { page, per_page: 2, previous_page: null, next_page: page === 1 ? 2 : null, last_page: 2 },
        },
      },
    };
  });
  t.after(close);
  const { records } = await readAll(hetzner, { url }, { token: 'sesame\n' });
  assert.deepEqual(
    records.map(({ id }) => id),
    ['1', '2', '3'],
  );
  assert.deepEqual(records[0]?.addresses, ['203.0.113.1', '2001:db8:1::1', '10.0.0.1', '10.0.1.1']);
  assert.deepEqual(records[0]?.identifiers, [
    { kind: 'cloud-id', value: 'hetzner:1' },
    { kind: 'mac', value: '86:00:ff:2a:7d:e1' },
  ]);
  assert.deepEqual(records[0]?.tags, { env: 'prod' });
  assert.equal(asked.length, 2);
  await assert.rejects(
    readAll(hetzner, { url }, { token: 'wrong' }),
    /answered 401.*unable to authenticate.*check the token/,
  );
});

test('DigitalOcean: follows its own links, and nobody else’s', async (t) => {
  const droplet = (id: number) => ({
    id,
    name: `db-${id}`,
    networks: {
      v4: [
        { ip_address: `10.10.0.${id}`, netmask: '255.255.0.0', type: 'private' },
        { ip_address: `198.51.100.${id}`, netmask: '255.255.255.0', type: 'public' },
      ],
      v6: [{ ip_address: `2001:db8::${id}`, netmask: 64, type: 'public' }],
    },
    size_slug: 's-1vcpu-1gb',
    region: { slug: 'fra1' },
    image: { distribution: 'Debian', name: '12 x64' },
    tags: ['web', 'blue'],
  });
  let elsewhere = false;
  const { url, close } = await api(({ url: { searchParams } }) => {
    if (searchParams.get('page') === '2') return { body: { droplets: [droplet(2)], links: {}, meta: { total: 2 } } };
    const next = elsewhere ? 'http://127.0.0.2:1/v2/droplets?page=2' : `${url}/v2/droplets?page=2`;
    return { body: { droplets: [droplet(1)], links: { pages: { next, last: next } }, meta: { total: 2 } } };
  });
  t.after(close);
  const { records } = await readAll(digitalocean, { url }, { token: 'x' });
  assert.deepEqual(
    records.map(({ name }) => name),
    ['db-1', 'db-2'],
  );
  assert.deepEqual(records[1]?.addresses, ['10.10.0.2', '198.51.100.2', '2001:db8::2']);
  assert.equal(records[0]?.guess, 'Debian 12 x64');
  elsewhere = true;
  await assert.rejects(
    readAll(digitalocean, { url }, { token: 'x' }),
    /names a next page elsewhere \(127\.0\.0\.2:1\)/,
  );
});

/** AWS Signature Version 4, computed from its documentation and not by the library that signs. */
function signatureFor({ method, url, headers, body }: Asked, secret: string): string {
  const [, credential, signed] = /Credential=([^,]+), ?SignedHeaders=([^,]+),/.exec(headers.authorization ?? '') ?? [];
  const [, date, region, service] = credential!.split('/');
  const sha = (text: string): string => createHash('sha256').update(text).digest('hex');
  const lines = signed!.split(';').map((name) => `${name}:${String(headers[name]).trim()}\n`);
  const canonical = [
    method,
    url.pathname,
    '',
    lines.join(''),
    signed,
    headers['x-amz-content-sha256'] ?? sha(body),
  ].join('\n');
  const scope = `${date}/${region}/${service}/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha(canonical)].join('\n');
  const key = [date, region, service, 'aws4_request'].reduce<string | Buffer>(
    (last, part) => createHmac('sha256', last).update(part!).digest(),
    `AWS4${secret}`,
  );
  return createHmac('sha256', key).update(toSign).digest('hex');
}

const INSTANCES = (items: string, token = '') => `<?xml version="1.0" encoding="UTF-8"?>
<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>8f7724cf-496f-496e-8fe3-example</requestId>
  <reservationSet>${items}</reservationSet>${token ? `<nextToken>${token}</nextToken>` : ''}
</DescribeInstancesResponse>`;
const INSTANCE = (
  id: string,
  state: string,
  rest = '',
) => `<item><reservationId>r-1</reservationId><ownerId>123456789012</ownerId>
  <groupSet/><instancesSet><item><instanceId>${id}</instanceId><imageId>ami-1</imageId>
  <instanceState><code>16</code><name>${state}</name></instanceState><instanceType>t3.micro</instanceType>
  <placement><availabilityZone>eu-central-1a</availabilityZone></placement>${rest}</item></instancesSet></item>`;
const CARDS = `<privateIpAddress>10.0.0.12</privateIpAddress><ipAddress>203.0.113.12</ipAddress>
  <tagSet><item><key>Name</key><value>shop &amp; till</value></item><item><key>cost</key><value>0042</value></item></tagSet>
  <networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId><macAddress>02:dd:2c:5e:01:69</macAddress>
  <privateIpAddressesSet><item><privateIpAddress>10.0.0.12</privateIpAddress><primary>true</primary>
    <association><publicIp>203.0.113.12</publicIp></association></item>
    <item><privateIpAddress>10.0.0.14</privateIpAddress><primary>false</primary></item></privateIpAddressesSet>
  <ipv6AddressesSet><item><ipv6Address>2001:db8:1234:1a2b::123</ipv6Address></item></ipv6AddressesSet></item></networkInterfaceSet>`;

test('1.4: AWS EC2: signed requests, every page of every region, all interfaces', async (t) => {
  const { url, asked, close } = await api((one) => {
    const given = /Signature=([0-9a-f]+)/.exec(one.headers.authorization ?? '')?.[1];
    const form = new URLSearchParams(one.body);
    if (given !== signatureFor(one, 'wJalr/EXAMPLE'))
      return {
        status: 401,
        body: '<Response><Errors><Error><Code>AuthFailure</Code><Message>not able to validate</Message></Error></Errors></Response>',
      };
    if (form.get('Action') !== 'DescribeInstances') return undefined;
    if (one.headers.authorization?.includes('/us-east-1/')) return { body: INSTANCES('') };
    return form.get('NextToken') === 'more'
      ? {
          body: INSTANCES(
            INSTANCE('i-2', 'stopped', '<privateIpAddress>10.0.0.13</privateIpAddress>') +
              INSTANCE('i-3', 'terminated'),
          ),
        }
      : { body: INSTANCES(INSTANCE('i-1', 'running', CARDS), 'more') };
  });
  t.after(close);
  const settings = { url, regions: 'eu-central-1, us-east-1', 'access-key-id': 'AKIDEXAMPLE' };
  const { records, skipped } = await readAll(aws, settings, { 'secret-access-key': 'wJalr/EXAMPLE' });
  assert.deepEqual(
    records.map(({ id }) => id),
    ['i-1', 'i-2'],
  );
  assert.deepEqual(
    [...new Set(records[0]?.addresses)],
    ['10.0.0.12', '203.0.113.12', '10.0.0.14', '2001:db8:1234:1a2b::123'],
  );
  assert.deepEqual(records[0]?.identifiers, [
    { kind: 'cloud-id', value: 'aws:i-1' },
    { kind: 'mac', value: '02:dd:2c:5e:01:69' },
  ]);
  assert.deepEqual(records[0]?.tags, { Name: 'shop & till', cost: '0042' });
  assert.deepEqual(skipped, ['instance that is terminated']);
  assert.equal(asked.length, 3);
  await assert.rejects(readAll(aws, settings, { 'secret-access-key': 'wrong' }), /answered 401.*AuthFailure/);
});

test('Azure: a token, then machines with their interfaces and public addresses, whatever the case of ids', async (t) => {
  const vm = '/subscriptions/s1/resourceGroups/RG/providers/Microsoft.Compute/virtualMachines/vm1';
  const { url, asked, close } = await api(({ headers, url: { pathname, searchParams }, body }) => {
    if (pathname === '/t1/oauth2/v2.0/token') {
      const form = new URLSearchParams(body);
      return form.get('client_secret') === 'shh' && form.get('scope') === `${url}/.default`
        ? { body: { token_type: 'Bearer', expires_in: 3599, access_token: 'tok' } }
        : { status: 401, body: { error: 'invalid_client' } };
    }
    if (headers.authorization !== 'Bearer tok') return { status: 403, body: {} };
    if (pathname.endsWith('/publicIPAddresses'))
      return { body: { value: [{ id: '/subscriptions/s1/PIP1', properties: { ipAddress: '203.0.113.77' } }] } };
    if (pathname.endsWith('/networkInterfaces'))
      return {
        body: {
          value: [
            {
              properties: {
                virtualMachine: { id: vm.toUpperCase() },
                macAddress: '00-0D-3A-1B-C7-21',
                ipConfigurations: [
                  { properties: { privateIPAddress: '10.1.0.4', publicIPAddress: { id: '/subscriptions/S1/pip1' } } },
                ],
              },
            },
            { properties: { virtualMachine: null, ipConfigurations: [] } },
          ],
        },
      };
    if (!pathname.endsWith('/virtualMachines')) return undefined;
    const one = (name: string, id: string) => ({
      id,
      name,
      location: 'westeurope',
      tags: { app: 'till' },
      properties: { vmId: `guid-${name}`, hardwareProfile: { vmSize: 'Standard_B1s' } },
    });
    return searchParams.has('$skiptoken')
      ? { body: { value: [one('vm2', '/other')] } }
      : { body: { value: [one('vm1', vm)], nextLink: `${url}${pathname}?api-version=2024-07-01&$skiptoken=2` } };
  });
  t.after(close);
  const settings = { url, 'login-url': url, tenant: 't1', client: 'c1', subscriptions: 's1' };
  const { records } = await readAll(azure, settings, { 'client-secret': 'shh' });
  assert.deepEqual(
    records.map(({ name }) => name),
    ['vm1', 'vm2'],
  );
  assert.deepEqual(records[0]?.addresses, ['10.1.0.4', '203.0.113.77']);
  assert.deepEqual(records[0]?.identifiers, [
    { kind: 'cloud-id', value: 'azure:guid-vm1' },
    { kind: 'mac', value: '00:0d:3a:1b:c7:21' },
  ]);
  assert.ok(asked.every((one) => !one.url.href.includes('shh')));
});

test('Google Cloud: an assertion signed by the key, then one aggregated list over all zones', async (t) => {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const assertions: string[] = [];
  const { url, close } = await api(({ headers, url: { pathname, searchParams }, body }) => {
    if (pathname === '/token') {
      assertions.push(new URLSearchParams(body).get('assertion') ?? '');
      return { body: { access_token: 'tok', expires_in: 3599, token_type: 'Bearer' } };
    }
    if (headers.authorization !== 'Bearer tok') return { status: 401, body: {} };
    if (pathname !== '/compute/v1/projects/p1/aggregated/instances') return undefined;
    const one = (id: string, natIP?: string) => ({
      id,
      name: `gce-${id}`,
      zone: 'https://www.googleapis.com/compute/v1/projects/p1/zones/europe-west3-a',
      machineType: 'https://www.googleapis.com/compute/v1/projects/p1/zones/europe-west3-a/machineTypes/e2-micro',
      status: 'RUNNING',
      labels: { team: 'ops' },
      networkInterfaces: [{ networkIP: `10.156.0.${id}`, accessConfigs: natIP ? [{ natIP }] : [{}] }],
    });
    const empty = { 'zones/us-east1-b': { warning: { code: 'NO_RESULTS_ON_PAGE' } } };
    return searchParams.get('pageToken') === 'more'
      ? { body: { items: { 'zones/europe-west3-b': { instances: [one('3')] } } } }
      : {
          body: {
            items: { ...empty, 'zones/europe-west3-a': { instances: [one('2', '203.0.113.9')] } },
            nextPageToken: 'more',
          },
        };
  });
  t.after(close);
  const account = {
    type: 'service_account',
    project_id: 'p1',
    client_email: 'reader@p1.iam.gserviceaccount.com',
    private_key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }),
  };
  const settings = { url, 'token-url': `${url}/token` };
  const { records } = await readAll(gcp, settings, { 'service-account': JSON.stringify(account) });
  assert.deepEqual(
    records.map(({ addresses }) => addresses),
    [['10.156.0.2', '203.0.113.9'], ['10.156.0.3']],
  );
  assert.deepEqual(records[0]?.identifiers, [{ kind: 'cloud-id', value: 'gcp:2' }]);
  assert.equal(records[0]?.guess, 'Compute Engine e2-micro');
  const { payload } = await jwtVerify(assertions[0]!, await importSPKI(pem, 'RS256'), {
    audience: `${url}/token`,
    issuer: account.client_email,
    currentDate: new Date('2026-03-01T12:00:00Z'),
  });
  assert.equal(payload['scope'], 'https://www.googleapis.com/auth/compute.readonly');
  await assert.rejects(readAll(gcp, settings, { 'service-account': 'no' }), /is no JSON; give the whole file/);
});

test('a server that is busy is asked again, as long as it says; one that stays busy is told of', async (t) => {
  let tries = 0;
  const { url, close } = await api(() =>
    ++tries < 3 ? { status: 429, headers: { 'retry-after': '0' }, body: {} } : { body: { droplets: [], links: {} } },
  );
  t.after(close);
  assert.deepEqual((await readAll(digitalocean, { url }, { token: 'x' })).records, []);
  assert.equal(tries, 3);
  const never = await api(() => ({ status: 503, body: 'over capacity' }));
  t.after(never.close);
  await assert.rejects(readAll(digitalocean, { url: never.url }, { token: 'x' }), /answered 503 \(over capacity\)/);
  assert.equal(never.asked.length, 4);
});

test('what is no answer of such an API is refused in words', async (t) => {
  const { url, close } = await api(() => ({ body: '<html>Sign in</html>' }));
  t.after(close);
  await assert.rejects(readAll(hetzner, { url }, { token: 'x' }), /answered with something that is no JSON/);
  const moved = await api(() => ({ status: 302, headers: { location: 'http://127.0.0.1:1/' }, body: '' }));
  t.after(moved.close);
  await assert.rejects(readAll(hetzner, { url: moved.url }, { token: 'x' }), /redirect/);
});
