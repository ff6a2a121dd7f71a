import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Affected } from '../../model/finding.ts';
import { vexStatements } from './store-export.ts';
import { debianHost, debianPackage, list, show, takeFeed, worlds } from './testing/vulnerabilities.ts';

const newWorld = worlds();
const COMPANION = 'php-pecl-zip';
const [OLD, NEW] = ['1.18.2-1.module_el8.6.0+1+a', '1.18.2-2.module_el8.6.0+2+b'] as const;

/** What is told of a stream: php is numbered as it, and its companion is not. */
const erratum = (id: string, stream: string, php: string): object => ({
  id,
  summary: `Important: ${stream} security update`,
  modified: '2026-11-01T00:00:00Z',
  affected: [
    ['php', `${php}-2.module_el8.6.0+2+b`],
    [COMPANION, NEW],
  ].map(([name, fixed]) => ({
    package: { ecosystem: 'AlmaLinux:8', name },
    ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed }] }],
  })),
});

const pecl = (stream?: string) =>
  debianPackage(COMPANION, OLD, { ecosystem: 'AlmaLinux', ...(stream === undefined ? {} : { stream }) });

test('3.1: a companion of a module’s stream is judged by the stream that its host tells, and unknown where it tells none', async () => {
  const w = await newWorld();
  const os = { id: 'almalinux', versionId: '8.10' };
  const [own, other, silent] = [
    await debianHost(w, 1, [pecl('php:7.4')], { os }),
    await debianHost(w, 2, [pecl('php:8.0')], { os }),
    await debianHost(w, 3, [pecl()], { os }),
  ];
  await takeFeed(w, { name: 'alma', kind: 'osv', settings: { ecosystem: 'AlmaLinux' } }, [
    erratum('ALSA-2026:1', 'php:7.4', '7.4.30'),
  ]);
  await w.settle();
  const burning = async () => (await show(w, 'ALSA-2026:1')).hosts.map(({ hostId }) => hostId).toSorted();
  assert.deepEqual(await burning(), [own]);
  const told = await w.call<Affected>('getAffected', { query: { q: 'ALSA-2026:1' } });
  assert.deepEqual(
    [told.hosts, told.unknown].map((some) => some.map(({ hostId }) => hostId)),
    [[own], [silent]],
    other,
  );
  assert.match(told.unknown[0]!.why, /depends on whether it is of the stream php:7\.4/);

  // An agent of a newer release says which stream it is; nothing else changed on the host.
  w.later(5);
  await w.send(silent, { packages: [pecl('php:7.4')] });
  await w.settle();
  assert.deepEqual(await burning(), [own, silent].toSorted());
  assert.equal((await list(w)).items[0]!.hosts, 2);
});

test('3.1: the VEX tells of a companion once, also where some agents do not tell its stream: the worst', async () => {
  const w = await newWorld();
  const os = { id: 'almalinux', versionId: '8.10' };
  await debianHost(w, 1, [pecl('php:8.0')], { os });
  await takeFeed(w, { name: 'alma', kind: 'osv', settings: { ecosystem: 'AlmaLinux' } }, [
    erratum('ALSA-2026:1', 'php:7.4', '7.4.30'),
  ]);
  await w.settle();
  const said = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const one of vexStatements(w.platform.db, await w.discovery.briefs(), undefined)) found.push(one.status);
    return found;
  };
  assert.deepEqual(await said(), ['not_affected']);
  await debianHost(w, 2, [pecl()], { os });
  assert.deepEqual(await said(), ['under_investigation']);
  await debianHost(w, 3, [pecl('php:7.4')], { os });
  assert.deepEqual(await said(), ['affected']);
});
