import { AppError } from '../../model/errors/index.ts';
import { install } from '../packages/apt.ts';
import { NO_EFFECTS, type HostStep } from './contract.ts';
import { inspectUpgrade, type Change } from './upgrade.ts';

export const upgradePackage: HostStep<'upgrade-package'> = {
  kind: 'upgrade-package',
  async inspect(host, { name, version }, { resumed }) {
    const found = await inspectUpgrade(host, { [name]: version }, resumed);
    if (found === null) {
      const seen = { name, version };
      return { before: seen, effects: NO_EFFECTS, already: seen };
    }
    const { own, also } = found;
    return {
      before: { name, version: own[0]?.from ?? null, also },
      effects: { ...NO_EFFECTS, packages: [...own, ...also] },
    };
  },
  async apply(host, { name, version }, before) {
    const kept = await install(host, { [name]: version });
    return { name, version, also: before['also'] ?? [], ...(kept.length > 0 ? { kept } : {}) };
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
    await install(host, { ...wanted, [name]: version });
    return { name, version };
  },
};
