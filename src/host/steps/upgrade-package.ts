import { AppError } from '../../model/errors/index.ts';
import { packageManager } from '../packages/find-manager.ts';
import { NO_EFFECTS, type HostStep } from './contract.ts';
import { inspectUpgrade, settingsOf, type Change } from './upgrade.ts';
import { mustBeWritable } from './writable.ts';

export const upgradePackage: HostStep<'upgrade-package'> = {
  kind: 'upgrade-package',
  async inspect(host, { name, version }, { resumed }) {
    const found = await inspectUpgrade(await packageManager(host, 'upgrade-package'), { [name]: version }, resumed);
    if (found === null) {
      const seen = { name, version };
      return { before: seen, effects: NO_EFFECTS, already: seen };
    }
    await mustBeWritable(host);
    const { own, also } = found;
    return {
      before: { name, version: own[0]?.from ?? null, also },
      effects: { ...NO_EFFECTS, packages: [...own, ...also] },
    };
  },
  async apply(host, { name, version }, before) {
    const manager = await packageManager(host, 'upgrade-package');
    const settings = await manager.install({ [name]: version });
    return { name, version, also: before['also'] ?? [], ...settingsOf(settings) };
  },
  async undo(host, { name }, before) {
    const version = before['version'];
    if (typeof version !== 'string')
      throw new AppError('STEP_CANNOT_UNDO', {
        kind: 'upgrade-package',
        why: `the earlier version of ${name} is unknown`,
      });
    const also = (before['also'] as Change[] | undefined) ?? [];
    const wanted = Object.fromEntries(
      also.flatMap((change) => (change.from === null ? [] : [[change.name, change.from]])),
    );
    const manager = await packageManager(host, 'upgrade-package');
    await manager.install({ ...wanted, [name]: version });
    return { name, version };
  },
};
