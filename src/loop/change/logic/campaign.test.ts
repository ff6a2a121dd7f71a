import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FUNNEL, type CampaignEndpoint, type FunnelState, type FunnelStep } from '../../../model/campaign.ts';
import type { Endpoint } from '../../../model/estate.ts';
import type { Exposure } from '../../../model/finding.ts';
import type { CertificateInfo, TlsProbe } from '../../../model/probe.ts';
import { causeOf, judgeEndpoint, nextState, revocationKey, totalsOf, type Burnt } from './campaign.ts';
import { findingOf, hostOf, KEY } from './testing.ts';

const OPENED = '2026-01-01T00:00:00.000Z';
const LATER = '2026-01-02T00:00:00.000Z';
const SHAPE = { name: 'web', installed: '3' };
const OLD = { spki: KEY('web'), serial: 'AA01' };
const NEW = { spki: KEY('new'), serial: 'BB02' };

function probe(leaf: { spki: string; serial: string }, verdict: TlsProbe['heartbleed']['verdict'] = 'safe'): TlsProbe {
  const certificate = { ...leaf, issuer: 'CN=ca', names: [], crlUrls: [] } as unknown as CertificateInfo;
  return {
    protocol: 'tls',
    versions: [],
    chain: [certificate],
    heartbleed: { verdict, extension: false, leakedBytes: 0, reason: verdict },
  };
}

function endpoint(more: Partial<Endpoint> = {}): Endpoint {
  return {
    id: 'endpoint_1',
    hostId: 'host_web',
    address: '10.0.0.1',
    port: 443,
    transport: 'tcp',
    service: 'tls',
    probe: probe(NEW),
    probedAt: LATER,
    lastError: null,
    state: 'open',
    firstSeen: OPENED,
    lastSeen: LATER,
    ...more,
  };
}

const exposure: Exposure = {
  id: 'exposure_1',
  kit: 'leak',
  hostId: 'host_web',
  endpointId: 'endpoint_1',
  endpoint: '10.0.0.1:443',
  spki: OLD.spki,
  serial: OLD.serial,
  issuer: 'CN=ca',
  fingerprint: KEY('f'),
  crlUrls: ['http://ca/crl'],
  cause: 'vulnerable',
  via: null,
  openedAt: OPENED,
};

const toldAt = (at: string): Burnt['factsAt'] => ({
  certificates: at,
  packages: at,
  processes: at,
  services: at,
  sockets: at,
});

/** An endpoint that has done all; tests take single things back. */
function burnt(more: Partial<Burnt> = {}): Burnt {
  return {
    endpoint: endpoint(),
    host: { id: 'host_web', name: 'web', management: 'managed' },
    facts: hostOf(SHAPE).facts,
    factsAt: toldAt(LATER),
    heldBurnt: new Set(['/srv/web/tls.key', '/srv/web/tls.crt']),
    exposures: [exposure],
    findings: [{ ...findingOf({ name: 'web' }, 443), state: 'fixed' }],
    revocations: new Map([[revocationKey(exposure), { asked: true, seen: true }]]),
    burntKeys: new Set([OLD.spki]),
    since: OPENED,
    sessionsAt: LATER,
    isAffected: (_, version) => version < '3',
    outOfReach: (ecosystem) => (ecosystem === 'Debian' ? null : 'nobody knows'),
    ...more,
  };
}

/** Steps that are not done, with their state. */
function missing(more: Partial<Burnt>): Partial<Record<FunnelStep, FunnelState>> {
  const { steps, complete } = judgeEndpoint(burnt(more));
  const found = FUNNEL.filter((step) => steps[step].state !== 'done');
  assert.equal(
    complete,
    found.every((step) => steps[step].state === 'not-applicable'),
  );
  return Object.fromEntries(found.map((step) => [step, steps[step].state]));
}

test('F.1: all nine steps, each from what was observed', () => {
  assert.deepEqual(missing({}), {});
});

test('F.1: patched on disk, but the old program runs: restarted is open and names the process', () => {
  const { facts } = hostOf({ ...SHAPE, running: '2' });
  const { steps } = judgeEndpoint(burnt({ facts }));
  assert.equal(steps.patched.state, 'done');
  assert.equal(steps.restarted.state, 'open');
  assert.match(steps.restarted.why, /PID 443 \(web-443\.service\) still maps the old \/usr\/bin\/node/);
});

test('a program from packages that no range is about is not known to be patched', () => {
  assert.deepEqual(missing({ outOfReach: () => 'nobody knows' }), { patched: 'unknown', restarted: 'unknown' });
});

test('F.1, F.2: a certificate that was reissued for the same key is reissued, and nothing more', () => {
  const same = endpoint({ probe: probe({ spki: OLD.spki, serial: 'CC03' }) });
  const again = { ...exposure, serial: 'CC03', fingerprint: KEY('g') };
  assert.deepEqual(missing({ endpoint: same }), { newKey: 'open', served: 'open' });
  // Once the radar has seen it, its certificate is one more to revoke.
  assert.deepEqual(missing({ endpoint: same, exposures: [exposure, again] }), {
    newKey: 'open',
    reissued: 'open',
    served: 'open',
    revoked: 'open',
    revocationVisible: 'open',
  });
});

test('F.2: another key that leaked elsewhere is no new key', () => {
  assert.deepEqual(missing({ burntKeys: new Set([OLD.spki, NEW.spki]) }), { newKey: 'open', served: 'open' });
});

test('revoked at the authority, but not in its list yet', () => {
  const revocations = new Map([[revocationKey(exposure), { asked: true, seen: false }]]);
  assert.deepEqual(missing({ revocations }), { revocationVisible: 'open' });
  assert.deepEqual(missing({ revocations, exposures: [{ ...exposure, crlUrls: [] }] }), {
    revocationVisible: 'unknown',
  });
  assert.deepEqual(missing({ revocations: new Map() }), { revoked: 'open', revocationVisible: 'open' });
});

test('what could not be looked at is unknown, never green', () => {
  const inside = { patched: 'unknown', restarted: 'unknown', sessions: 'unknown' };
  const host = { id: 'host_web', name: 'web' };
  assert.deepEqual(missing({ host: { ...host, management: 'unmanaged' } }), inside);
  assert.deepEqual(missing({ host: { ...host, management: 'lost' } }), inside);
  assert.deepEqual(missing({ facts: {} }), inside);
  assert.deepEqual(missing({ endpoint: endpoint({ lastError: 'timed out' }) }), { proven: 'unknown' });
  assert.deepEqual(missing({ endpoint: endpoint({ probe: probe(NEW, 'unknown') }) }), { proven: 'unknown' });
  assert.deepEqual(missing({ endpoint: endpoint({ probe: probe(NEW, 'vulnerable') }) }), { proven: 'open' });
});

test('sessions: by the host’s signed word, not applicable where there are none', () => {
  assert.deepEqual(missing({ sessionsAt: null }), { sessions: 'open' });
  const { facts } = hostOf({ ...SHAPE, secret: false });
  assert.deepEqual(missing({ facts, sessionsAt: null }), { sessions: 'not-applicable' });
});

test('a version in the affected range is open, unless looking proves the build to be without the hole', () => {
  const { facts } = hostOf({ name: 'web', installed: '2' });
  assert.deepEqual(missing({ facts }), {});
  const finding = { ...findingOf({ name: 'web' }, 443), component: 'nodejs', state: 'planned' as const };
  assert.deepEqual(missing({ facts, findings: [finding] }), { patched: 'open', restarted: 'open' });
});

test('F.1: a listener that runs the vulnerable build which is still on the disk was not restarted into anything', () => {
  const { facts } = hostOf({ name: 'web', installed: '2' });
  const finding = { ...findingOf({ name: 'web' }, 443), component: 'nodejs' };
  const leaks = endpoint({ probe: probe(OLD, 'vulnerable') });
  const { steps } = judgeEndpoint(burnt({ facts, findings: [finding], endpoint: leaks }));
  assert.equal(steps.patched.state, 'open');
  assert.equal(steps.restarted.state, 'open');
  assert.match(steps.restarted.why, /PID 443 \(web-443\.service\) runs .*nodejs 2 is affected/);
  // Nor may be said so of a program that nobody can name, or of a process that nobody saw.
  const fixed = hostOf(SHAPE).facts;
  const stranger = { ...fixed, sockets: fixed.sockets!.map((socket) => ({ ...socket, package: null })) };
  assert.deepEqual(missing({ facts: stranger }), { patched: 'unknown', restarted: 'unknown' });
  assert.deepEqual(missing({ facts: { ...fixed, processes: [] } }), { restarted: 'unknown' });
});

test('F.4: nothing told or seen before it burnt again counts for done', () => {
  const since = '2026-01-03T00:00:00.000Z';
  const inside = { patched: 'unknown', restarted: 'unknown', sessions: 'unknown' };
  const wire = { newKey: 'unknown', reissued: 'unknown', served: 'unknown', proven: 'unknown' };
  assert.deepEqual(missing({ since }), {
    patched: 'unknown',
    restarted: 'unknown',
    newKey: 'unknown',
    reissued: 'unknown',
    served: 'unknown',
    sessions: 'unknown',
    proven: 'unknown',
  });
  assert.deepEqual(missing({ since, factsAt: toldAt(since) }), wire);
  assert.deepEqual(missing({ since, endpoint: endpoint({ probedAt: since }) }), inside);
  // Built from the old image: the disk that holds the new key is the one of before.
  const key = { path: '/srv/web/tls.key', kind: 'private-key' as const, spki: NEW.spki, fingerprint: null };
  const more = { serial: null, subject: null, issuer: null, names: [], notBefore: null, notAfter: null, mode: '0600' };
  const facts = { ...hostOf(SHAPE).facts, certificates: [{ ...key, ...more }] };
  const rebuilt = endpoint({ probe: probe(OLD), probedAt: since });
  const before = judgeEndpoint(burnt({ facts, since, endpoint: rebuilt })).steps;
  assert.equal(before.newKey.state, 'open');
  const after = judgeEndpoint(burnt({ facts, since, factsAt: toldAt(since), endpoint: rebuilt })).steps;
  assert.equal(after.newKey.state, 'done');
});

test('a file that never held what burnt here is no new key, though it is the one its service names', () => {
  const base = { subject: null, issuer: null, names: [], notBefore: null, notAfter: null, mode: '0600' };
  const key = { ...base, path: '/srv/web/tls.key', kind: 'private-key' as const, spki: NEW.spki };
  const certificate = { ...base, path: '/srv/web/tls.crt', kind: 'certificate' as const, spki: NEW.spki };
  const facts = {
    ...hostOf(SHAPE).facts,
    certificates: [
      { ...key, fingerprint: null, serial: null },
      { ...certificate, fingerprint: KEY('f2'), serial: NEW.serial },
    ],
  };
  const still = endpoint({ probe: probe(OLD) });
  const first = judgeEndpoint(burnt({ facts, endpoint: still, heldBurnt: new Set(['/srv/other.key']) })).steps;
  assert.deepEqual([first.newKey.state, first.reissued.state], ['open', 'open']);
  const held = judgeEndpoint(burnt({ facts, endpoint: still })).steps;
  assert.deepEqual([held.newKey.state, held.reissued.state], ['done', 'done']);
  // Nobody saw the key before, but the certificate beside it is the burnt one's still.
  const paired = { ...facts, certificates: [facts.certificates[0]!, { ...facts.certificates[1]!, spki: OLD.spki }] };
  const beside = judgeEndpoint(burnt({ facts: paired, endpoint: still, heldBurnt: new Set() })).steps;
  assert.equal(beside.newKey.state, 'done');
});

test('a listener that is gone still has its certificate revoked', () => {
  const gone = endpoint({ state: 'gone' });
  const { complete, steps } = judgeEndpoint(burnt({ endpoint: gone, revocations: new Map() }));
  assert.equal(complete, false);
  assert.equal(steps.revoked.state, 'open');
  assert.equal(judgeEndpoint(burnt({ endpoint: gone })).complete, true);
});

test('an accepted risk is counted by itself and never green', () => {
  const excepted = judgeEndpoint(burnt({ findings: [{ ...findingOf({ name: 'web' }, 443), state: 'excepted' }] }));
  assert.equal(excepted.excepted, true);
  assert.equal(excepted.complete, false);
  const done = judgeEndpoint(burnt());
  const totals = totalsOf([excepted, done]);
  assert.deepEqual([totals.endpoints, totals.excepted, totals.complete, totals.share], [2, 1, 1, 1]);
  assert.equal(totalsOf([excepted]).share, 0);
});

const open = (): CampaignEndpoint => {
  const finding = {
    ...findingOf({ name: 'web' }, 443),
    rekindledAt: LATER,
    rekindleCause: 'built from image web-2014.03',
  };
  return judgeEndpoint(burnt({ findings: [finding], endpoint: endpoint({ probe: probe(OLD, 'vulnerable') }) }));
};
const done = (): CampaignEndpoint => judgeEndpoint(burnt());

test('F.4: out at 100 %, rekindled by what burns again, with its cause; out again when that is done', () => {
  assert.equal(nextState(null, [open()]), 'burning');
  assert.equal(nextState('burning', [open(), done()]), 'burning');
  assert.equal(nextState('burning', [done()]), 'out');
  assert.equal(nextState('out', [done(), open()]), 'rekindled');
  assert.equal(causeOf([done(), open()]), 'web (10.0.0.1:443): built from image web-2014.03');
  assert.equal(nextState('rekindled', [open()]), 'rekindled');
  assert.equal(nextState('rekindled', [done()]), 'out');
});

test('F.4: what merely cannot be seen for a while does not rekindle a fire that is out', () => {
  const unseen = judgeEndpoint(burnt({ endpoint: endpoint({ lastError: 'timed out' }) }));
  assert.equal(unseen.complete, false);
  assert.equal(nextState('out', [unseen]), 'out');
  assert.equal(nextState('burning', [unseen]), 'burning');
});
