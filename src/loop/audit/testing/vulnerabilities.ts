import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after } from 'node:test';
import type { PackageFact } from '../../../model/facts.ts';
import type { Vulnerabilities, VulnerabilityDetail } from '../../../model/vulnerability.ts';
import { MIGRATIONS_DIR } from '../../../platform/db/migrate.ts';
import { withClient } from '../../../platform/db/pool.ts';
import type { AuditOptions } from '../index.ts';
import { shop, type World, world } from './world.ts';

export const debianPackage = (name: string, version: string, rest: Partial<PackageFact> = {}): PackageFact => ({
  ecosystem: 'Debian',
  name,
  version,
  arch: 'amd64',
  source: name,
  sourceVersion: rest.version ?? version,
  status: 'installed',
  ...rest,
});

/** A feed by this name that says this from now on. */
export async function takeFeed(
  w: World,
  feed: { name: string; kind: string; settings?: object },
  content: object,
): Promise<void> {
  const { name, kind, settings = {} } = feed;
  const { items } = await w.call<{ items: { name: string }[] }>('listFeeds');
  if (!items.some((one) => one.name === name)) await w.call('addFeed', { body: { name, kind, url: null, settings } });
  const file = Buffer.from(JSON.stringify(content)).toString('base64');
  await w.call('importFeed', { params: { name }, body: { file, shrunk: true } });
}

/** A Debian 12 with these packages, found on the network; what it reports beside them may be given. */
export async function debianHost(
  w: World,
  last: number,
  packages: PackageFact[],
  more: { os?: object; [section: string]: unknown } = {},
): Promise<string> {
  const address = `10.3.0.${last}`;
  const id = await w.find(address, `SHA256:v${last}`);
  const { os, ...rest } = more;
  const facts = shop({ version: '1', pid: 1, startedAt: w.clock.now }, { address, port: 22, name: `host-${last}` });
  await w.send(id, { ...facts, sockets: [], packages, os: { ...facts.os!, versionId: '12', ...os }, ...rest } as never);
  return id;
}

export const tracker = (of: Record<string, Record<string, object>>): object =>
  Object.fromEntries(
    Object.entries(of).map(([source, ids]) => [
      source,
      Object.fromEntries(Object.entries(ids).map(([id, release]) => [id, { releases: { bookworm: release } }])),
    ]),
  );

export const fixedIn = (version: string, urgency = 'not yet assigned'): object => ({
  status: 'resolved',
  fixed_version: version,
  urgency,
});

/** Worlds that end with the file which asked for them. */
export function worlds(): (options?: AuditOptions) => Promise<World> {
  const open: World[] = [];
  after(() => Promise.all(open.map((one) => one.close())));
  return async (options) => {
    const w = await world(options);
    open.push(w);
    return w;
  };
}

export const DEBIAN = { name: 'debian', kind: 'debian-tracker' };
/** An advisory on openssh, and the versions before and with its fix. */
export const CVE = 'CVE-2024-6387';
export const [OLD, NEW] = ['1:9.2p1-2+deb12u2', '1:9.2p1-2+deb12u3'] as const;
export const OPENSSH = tracker({ openssh: { [CVE]: fixedIn(NEW, 'high') } });
export const sshd = (version: string): PackageFact => debianPackage('openssh-server', version, { source: 'openssh' });

export const list = (w: World, query: object = {}): Promise<Vulnerabilities> =>
  w.call('listVulnerabilities', { query });
export const show = (w: World, advisory: string): Promise<VulnerabilityDetail> =>
  w.call('showVulnerability', { params: { advisory } });

/** As when a release with that migration is started, and its sweep comes by twice. */
export async function migrated(w: World, name: string): Promise<void> {
  const migration = await readFile(join(MIGRATIONS_DIR, name), 'utf8');
  await withClient(w.platform.urls.owner, (client) => client.query(migration));
  w.later();
  for (let run = 0; run < 2; run += 1) {
    await w.audit.jobs['audit.sweep']!({});
    await w.settle();
  }
}
