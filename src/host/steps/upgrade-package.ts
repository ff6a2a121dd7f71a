import { AppError } from '../../model/errors/index.ts';
import type { Host } from '../host.ts';
import { candidateVersion, install, installedVersion, refreshLists, simulate } from '../packages/apt.ts';
import { whole } from './unfinished.ts';
import { NO_EFFECTS, type HostStep } from './contract.ts';

type Change = { name: string; from: string | null; to: string };

export const upgradePackage: HostStep<'upgrade-package'> = {
  kind: 'upgrade-package',
  async inspect(host, { name, version }, { resumed }) {
    await whole(host, resumed);
    const installed = await installedVersion(host, name);
    if (installed === version) {
      const seen = { name, version };
      return { before: seen, effects: NO_EFFECTS, already: seen };
    }
    // A half-installed package of a try that was cut off is finished by apt; otherwise there must be something to upgrade.
    if (installed === null && resumed === null) throw new AppError('STEP_PACKAGE_ABSENT', { name });
    const candidate = await offered(host, name, version);
    if (candidate !== version)
      throw new AppError('STEP_DRIFT', { what: `${name}: plan says ${version}, candidate is ${candidate ?? 'none'}` });
    const { changes, removed } = await simulate(host, { [name]: version });
    const own = changes.find((change) => change.name === name);
    if (own?.to !== version)
      throw new AppError('STEP_DRIFT', {
        what: `${name}: plan says ${version}, apt would install ${own?.to ?? 'nothing'}`,
      });
    if (removed.length > 0) throw new AppError('STEP_WOULD_REMOVE', { name, version, removed: removed.join(', ') });
    const also = changes.filter((change) => change.name !== name);
    return { before: { name, version: installed, also }, effects: { ...NO_EFFECTS, packages: changes } };
  },
  async apply(host, { name, version }, before) {
    await install(host, { [name]: version });
    return { name, version, also: before['also'] ?? [] };
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

/** Another candidate than planned may come from old lists: those are fetched before anything is concluded. */
async function offered(host: Host, name: string, planned: string): Promise<string | null> {
  const candidate = await candidateVersion(host, name);
  if (candidate === planned) return candidate;
  await refreshLists(host);
  return candidateVersion(host, name);
}
