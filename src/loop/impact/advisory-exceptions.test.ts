import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Exception } from '../../model/finding.ts';
import {
  CVE,
  DEBIAN,
  debianHost,
  debianPackage,
  list,
  NEW,
  OLD,
  OPENSSH,
  show,
  sshd,
  takeFeed,
  worlds,
} from '../audit/testing/vulnerabilities.ts';
import type { World } from '../audit/testing/world.ts';
import { tagHost } from '../discovery/claims.ts';
import { createImpact } from './index.ts';

const newWorld = worlds();
const OLGA = { kind: 'user', id: 'user_1', name: 'Olga', role: 'operator' } as const;
const DAY = 24 * 60;
const BODY = { reason: 'no way in from outside', owner: 'web' };

/** Two hosts that are affected, past a time that is due, and the real impact beside the real audit. */
async function burning() {
  const w = await newWorld();
  const impact = createImpact(w.platform, w.discovery, w.audit);
  w.platform.handle(impact.jobs);
  await takeFeed(w, DEBIAN, OPENSSH);
  const [a, b] = [await debianHost(w, 1, [sshd(OLD)]), await debianHost(w, 2, [sshd(OLD)])];
  await w.call('setPolicies', {
    body: {
      profiles: [{ name: 'all', slaDays: { high: 7 } }],
      policies: [{ name: 'all', profile: 'all', hosts: '*' }],
    },
  });
  await w.settle();
  w.later(8 * DAY);
  const call = async <T>(id: string, input: { params?: object; query?: object; body?: object } = {}): Promise<T> => {
    const found = impact.routes.find((route) => route.id === id)!;
    const reply = await found.handler({
      params: found.params?.parse(input.params ?? {}),
      query: found.query?.parse(input.query ?? {}),
      body: found.body?.parse(input.body ?? {}),
      actor: OLGA,
      agent: null,
      ip: '127.0.0.1',
      signal: new AbortController().signal,
    });
    return found.reply!.parse(reply) as T;
  };
  const sweep = async (): Promise<void> => {
    await w.platform.queue.enqueue('impact.expire', {});
    await w.settle();
  };
  const until = (days: number): string => new Date(w.clock.now.getTime() + days * DAY * 60_000).toISOString();
  return { w, a, b, call, sweep, until };
}

const overdueHosts = async (w: World) =>
  (await show(w, CVE)).hosts.filter(({ overdue }) => overdue).map(({ hostId }) => hostId);
const overdue = async (w: World): Promise<number> => (await list(w, { overdue: 'true' })).total;

test('4.9: one exception for an advisory stops its clock on every host, until it expires', async () => {
  const { w, a, b, call, sweep, until } = await burning();
  assert.deepEqual([await overdueHosts(w), await overdue(w)], [[a, b].toSorted(), 1]);
  const made = await call<Exception>('createException', {
    body: { ...BODY, match: { advisory: CVE.toLowerCase() }, expiresAt: until(30) },
  });
  await w.settle();
  assert.deepEqual([await overdueHosts(w), await overdue(w)], [[], 0]);
  const [item] = (await list(w)).items;
  assert.deepEqual([item!.acceptedUntil, item!.dueAt, item!.hosts], [until(30), null, 2], 'it is shown, not hidden');
  assert.equal((await list(w, { accepted: 'true' })).total, 1);
  assert.equal((await show(w, CVE)).hosts[0]!.accepted!.exceptionId, made.id);
  const covers = async () => (await call<{ items: Exception[] }>('listExceptions')).items[0]!.covers;
  assert.deepEqual(await covers(), { now: 2, gone: 0 });
  await w.send(a, { packages: [sshd(NEW)] });
  await w.settle();
  assert.deepEqual(await covers(), { now: 1, gone: 0 });
  await w.send(a, { packages: [sshd(OLD)] });

  w.later(30 * DAY + 1);
  await sweep();
  assert.deepEqual([await overdue(w), (await list(w, { accepted: 'true' })).total], [1, 0]);
  const types = (await w.entries('impact.exception')).map(({ type }) => type);
  assert.deepEqual(types, ['impact.exception.added', 'impact.exception.expired']);
});

test('3.13, 4.8: an exception for one host or for tags leaves the others, follows tags, and is ended by hand', async () => {
  const { w, a, b, call, sweep, until } = await burning();
  const one = await call<Exception>('createException', {
    body: { ...BODY, match: { advisory: CVE, hostId: a }, expiresAt: until(30) },
  });
  await w.settle();
  assert.deepEqual([await overdueHosts(w), await overdue(w)], [[b], 1]);
  assert.equal((await list(w, { host: a })).items[0]!.acceptedUntil, until(30));
  assert.equal((await list(w, { host: b, overdue: 'true' })).total, 1);
  await call('endException', { params: { id: one.id }, body: {} });
  await w.settle();
  assert.deepEqual(await overdueHosts(w), [a, b].toSorted());

  await call('createException', {
    body: { ...BODY, match: { advisory: CVE, hosts: 'env=lab' }, expiresAt: until(30) },
  });
  await w.settle();
  assert.equal((await overdueHosts(w)).length, 2, 'nobody has that tag');
  await tagHost(w.platform, OLGA, b, { env: 'lab' });
  await sweep();
  await sweep();
  assert.deepEqual(await overdueHosts(w), [a]);
  const applied = (await w.entries('impact.exception.applied')).length;
  assert.equal(applied, 1, 'told once');
});

test('4.6: an exception for an advisory that nobody knows, without an end, or mixed with findings is refused', async () => {
  const { w, a, call, until } = await burning();
  const make = (match: object, expiresAt = until(30)) =>
    call('createException', { body: { ...BODY, match, expiresAt } });
  await assert.rejects(make({ advisory: 'CVE-2099-1' }), { code: 'ADVISORY_UNKNOWN' });
  await assert.rejects(make({ advisory: CVE }, until(-1)), { code: 'EXCEPTION_EXPIRY' });
  await assert.rejects(make({ advisory: CVE, kit: 'heartbleed' }), /advisory goes with/);
  await assert.rejects(make({ advisory: CVE, hostId: a, hosts: '*' }), /advisory goes with/);
  await assert.rejects(make({ hosts: '*' }), /hosts with an advisory/);
  await assert.rejects(make({ advisory: CVE, hosts: 'env=(' }));
  assert.equal(await overdue(w), 1);
  assert.deepEqual(await w.entries('impact.exception'), []);
});

test('4.9: one CVE of an erratum that is accepted leaves its clock running, and the others open; its own name stops it', async () => {
  const { w, a, call, until } = await burning();
  await takeFeed(w, { name: 'osv', kind: 'osv', settings: { ecosystem: 'Debian' } }, [
    {
      id: 'DSA-9000-1',
      modified: '2026-11-20T00:00:00Z',
      upstream: ['CVE-2026-1000', 'CVE-2026-2000', 'GHSA-aaaa-bbbb-cccc'],
      affected: [
        {
          package: { name: 'openssh', ecosystem: 'Debian:12' },
          ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: NEW }] }],
          ecosystem_specific: { urgency: 'high' },
        },
      ],
    },
  ]);
  await w.settle();
  w.later(8 * DAY);
  const accept = async (advisory: string): Promise<void> => {
    await call('createException', { body: { ...BODY, match: { advisory }, expiresAt: until(30) } });
    await w.settle();
  };
  const erratum = async () => (await list(w)).items.find(({ advisory }) => advisory === 'DSA-9000-1')!;
  const isAccepted = async (advisory: string) => (await show(w, advisory)).hosts[0]!.accepted !== null;
  assert.equal((await erratum()).overdue, true);
  await accept('CVE-2026-1000');
  await accept('GHSA-aaaa-bbbb-cccc');
  const { items } = await call<{ items: Exception[] }>('listExceptions');
  assert.deepEqual(
    items.map(({ covers }) => covers?.now),
    [2, 2],
    'it is in use: the advisory by that name says so',
  );
  assert.deepEqual([(await erratum()).overdue, (await erratum()).acceptedUntil], [true, null]);
  const here = (await list(w, { host: a, overdue: 'true' })).items.map(({ advisory }) => advisory);
  assert.ok(here.includes('DSA-9000-1'), 'nor on the host');
  assert.deepEqual([await isAccepted('CVE-2026-1000'), await isAccepted('CVE-2026-2000')], [true, false]);
  assert.equal(await isAccepted('DSA-9000-1'), false);
  await accept('dsa-9000-1');
  assert.deepEqual([(await erratum()).dueAt, (await erratum()).acceptedUntil], [null, until(30)]);
  assert.equal(await isAccepted('CVE-2026-2000'), true, 'all that makes the host have it is accepted');
});

const osvRecord = (id: string, upstream: string[], name = 'openssh'): object => ({
  id,
  modified: '2026-11-20T00:00:00Z',
  upstream,
  affected: [
    {
      package: { name, ecosystem: 'Debian:12' },
      ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: NEW }] }],
    },
  ],
});

test('4.6, 4.9: an exception for an erratum that is listed under its CVEs is refused and names those; one that is listed itself is taken', async () => {
  const { w, call, until } = await burning();
  const record = osvRecord;
  const osv = { name: 'osv', kind: 'osv', settings: { ecosystem: 'Debian' } };
  const ownNames = ['CVE-2026-1000', 'CVE-2026-2000'];
  const erratum = record('DSA-9000-1', ownNames);
  await takeFeed(w, osv, [erratum, ...ownNames.map((name) => record(`DEBIAN-${name}`, [name]))]);
  await w.settle();
  const make = () =>
    call<Exception>('createException', {
      body: { ...BODY, match: { advisory: 'dsa-9000-1' }, expiresAt: until(30) },
    });
  await assert.rejects(make(), { code: 'EXCEPTION_FOLDED', message: /listed under CVE-2026-1000, CVE-2026-2000,/ });
  assert.deepEqual(await w.entries('impact.exception'), []);
  assert.equal((await list(w, { accepted: 'true' })).total, 0);
  // One of its CVEs is told of by nobody now, so that it stands for itself.
  await takeFeed(w, osv, [erratum, record(`DEBIAN-${ownNames[0]}`, [ownNames[0]!])]);
  await w.settle();
  await make();
  await w.settle();
  assert.deepEqual(
    (await list(w, { accepted: 'true' })).items.map(({ advisory }) => advisory),
    ['DSA-9000-1'],
  );
});

test('4.6, 4.9: so is one for an erratum whose package nobody has, where feeds judge all that it names by itself', async () => {
  const { w, call, until } = await burning();
  const osv = { name: 'osv', kind: 'osv', settings: { ecosystem: 'Debian' } };
  const [A, B] = ['CVE-2026-1000', 'CVE-2026-2000'];
  const say = (...records: object[]): Promise<void> => takeFeed(w, osv, records);
  const make = () =>
    call<Exception>('createException', {
      body: { ...BODY, match: { advisory: 'DSA-9000-1' }, expiresAt: until(30) },
    });
  const [erratum, ofA, ofB] = [
    osvRecord('DSA-9000-1', [A, B], 'x'),
    osvRecord(`DEBIAN-${A}`, [A], 'x'),
    osvRecord(`DEBIAN-${B}`, [B], 'x'),
  ];
  await say(erratum, ofA, ofB);
  await assert.rejects(make(), { code: 'EXCEPTION_FOLDED', message: /listed under CVE-2026-1000, CVE-2026-2000,/ });
  // Once somebody has it, that is what it says, too.
  await debianHost(w, 3, [debianPackage('x', '1')]);
  await w.settle();
  await assert.rejects(make(), { code: 'EXCEPTION_FOLDED', message: /listed under CVE-2026-1000, CVE-2026-2000,/ });
  await debianHost(w, 3, []);
  await w.settle();
  // Of another package nobody judges one of them: there it may come to stand for itself.
  await say(erratum, ofA, osvRecord(`DEBIAN-${B}`, [B], 'y'));
  const { id } = await make();
  await call('endException', { params: { id }, body: { reason: 'again' } });
  await say(osvRecord('DSA-9000-1', [], 'x'), ofA, ofB);
  await make();
});
