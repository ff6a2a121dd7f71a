import { AppError } from '../../model/errors/index.ts';
import { versionOf } from '../../model/step-packages.ts';
import { packageManager } from '../packages/find-manager.ts';
import type { Wanted } from '../packages/manager.ts';
import { NO_EFFECTS, type HostStep } from './contract.ts';
import { inspectUpgrade, settingsOf, type Change } from './upgrade.ts';
import { mustBeWritable } from './writable.ts';

const wantedOf = (packages: readonly string[]): Wanted =>
  Object.fromEntries(packages.map(versionOf).map(({ name, version }) => [name, version]));

/** Several packages to exact versions in one transaction. What is there already is no matter: the rest is done. */
export const upgradePackages: HostStep<'upgrade-packages'> = {
  kind: 'upgrade-packages',
  async inspect(host, { packages }, { resumed }) {
    const found = await inspectUpgrade(await packageManager(host, 'upgrade-packages'), wantedOf(packages), resumed);
    if (found === null) return { before: { packages }, effects: NO_EFFECTS, already: { packages } };
    await mustBeWritable(host);
    const { own, also } = found;
    return { before: { packages: own, also }, effects: { ...NO_EFFECTS, packages: [...own, ...also] } };
  },
  async apply(host, { packages }, before) {
    const manager = await packageManager(host, 'upgrade-packages');
    const settings = await manager.install(wantedOf(packages));
    return { packages, also: before['also'] ?? [], ...settingsOf(settings) };
  },
  async undo(host, _step, before) {
    const changes = [before['packages'], before['also']].flatMap((list) => (list as Change[] | undefined) ?? []);
    const earlier = changes.filter((change) => change.from !== null);
    if (earlier.length === 0)
      throw new AppError('STEP_CANNOT_UNDO', { kind: 'upgrade-packages', why: 'the earlier versions are unknown' });
    const versions = Object.fromEntries(earlier.map(({ name, from }) => [name, from!]));
    const manager = await packageManager(host, 'upgrade-packages');
    await manager.install(versions);
    return { packages: Object.entries(versions).map(([name, version]) => `${name}=${version}`) };
  },
};
