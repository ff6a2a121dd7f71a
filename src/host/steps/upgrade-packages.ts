import { AppError } from '../../model/errors/index.ts';
import { versionOf } from '../../model/step-packages.ts';
import type { Host } from '../host.ts';
import { candidateVersions, install, installedVersions, refreshLists, simulate } from '../packages/apt.ts';
import { whole } from './unfinished.ts';
import { NO_EFFECTS, type HostStep } from './contract.ts';

type Change = { name: string; from: string | null; to: string };
type Wanted = Record<string, string>;

const wantedOf = (packages: readonly string[]): Wanted =>
  Object.fromEntries(packages.map(versionOf).map(({ name, version }) => [name, version]));

/** Several packages to exact versions in one transaction. What is there already is no matter: the rest is done. */
export const upgradePackages: HostStep<'upgrade-packages'> = {
  kind: 'upgrade-packages',
  async inspect(host, { packages }, { resumed }) {
    await whole(host, resumed);
    const wanted = wantedOf(packages);
    const installed = await installedVersions(host);
    const left = Object.keys(wanted).filter((name) => installed.get(name) !== wanted[name]);
    if (left.length === 0) {
      const seen = { packages };
      return { before: seen, effects: NO_EFFECTS, already: seen };
    }
    // Half-installed packages of a try that was cut off are finished by apt; otherwise there must be what to upgrade.
    const absent = left.filter((name) => !installed.has(name));
    if (absent.length > 0 && resumed === null) throw new AppError('STEP_PACKAGE_ABSENT', { name: absent.join(', ') });
    await mustBeOffered(host, wanted, left);
    const { changes, removed } = await simulate(host, wanted);
    const planned = new Map(changes.map((change) => [change.name, change.to]));
    const other = left.filter((name) => planned.get(name) !== wanted[name]);
    if (other.length > 0)
      throw new AppError('STEP_DRIFT', {
        what: `apt would not do as planned: ${other.map((name) => `${name} ${wanted[name]} (apt: ${planned.get(name) ?? 'nothing'})`).join(', ')}`,
      });
    if (removed.length > 0)
      throw new AppError('STEP_WOULD_REMOVE', {
        name: `${left.length} packages`,
        version: 'their planned versions',
        removed: removed.join(', '),
      });
    const own = changes.filter((change) => change.name in wanted);
    const also = changes.filter((change) => !(change.name in wanted));
    return { before: { packages: own, also }, effects: { ...NO_EFFECTS, packages: changes } };
  },
  async apply(host, { packages }, before) {
    await install(host, wantedOf(packages));
    return { packages, also: before['also'] ?? [] };
  },
  async undo(host, _step, before) {
    const changes = [before['packages'], before['also']].flatMap((list) => (list as Change[] | undefined) ?? []);
    const earlier = changes.filter((change) => change.from !== null);
    if (earlier.length === 0)
      throw new AppError('STEP_CANNOT_UNDO', { kind: 'upgrade-packages', why: 'the earlier versions are unknown' });
    const versions = Object.fromEntries(earlier.map(({ name, from }) => [name, from!]));
    await install(host, versions);
    return { packages: Object.entries(versions).map(([name, version]) => `${name}=${version}`) };
  },
};

/** Other candidates than planned may come from old lists: those are fetched before anything is concluded. */
async function mustBeOffered(host: Host, wanted: Wanted, left: readonly string[]): Promise<void> {
  const others = async (): Promise<string[]> => {
    const candidates = await candidateVersions(host, left);
    return left
      .filter((name) => candidates.get(name) !== wanted[name])
      .map((name) => `${name}: plan says ${wanted[name]}, candidate is ${candidates.get(name) ?? 'none'}`);
  };
  if ((await others()).length === 0) return;
  await refreshLists(host);
  const still = await others();
  if (still.length > 0) throw new AppError('STEP_DRIFT', { what: still.slice(0, 10).join('; ') });
}
