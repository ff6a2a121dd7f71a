import type { StepOf } from '../../model/kit.ts';
import { sha256 } from '../canonical.ts';
import type { Host } from '../host.ts';
import { readDpkgStatus } from '../packages/dpkg.ts';
import { readServices } from '../services/manager.ts';

/** Who may do what on the host: a script that writes these without saying so is worth knowing of, whatever it was for. */
const FILES = [
  '/etc/passwd',
  '/etc/group',
  '/etc/shadow',
  '/etc/sudoers',
  '/etc/ssh/sshd_config',
  '/etc/crontab',
  '/root/.ssh/authorized_keys',
];

/** What is looked at before and after a script: packages with versions, services with state and process, files by hash. */
export interface Watched {
  packages?: Record<string, string>;
  services?: Record<string, string>;
  files?: Record<string, string>;
}

export async function seenOf(host: Host): Promise<Watched> {
  const packages = await readDpkgStatus(host, '').catch(() => []);
  const units = (await readServices(host))?.units.values() ?? [];
  const files: Record<string, string> = {};
  for (const path of FILES) {
    const bytes = await host.read(path);
    if (bytes !== null) files[path] = sha256(bytes);
  }
  return {
    packages: Object.fromEntries(packages.map((one) => [one.name, `${one.version} ${one.status}`])),
    services: Object.fromEntries([...units].map((unit) => [unit.name, `${unit.state} ${unit.mainPid ?? 'none'}`])),
    files,
  };
}

/** Names of what changed and was not declared. */
export function undeclared(before: Watched, after: Watched, declared: StepOf<'run-script'>): string[] {
  return [
    ...differing(before.packages, after.packages, declared.packages).map((name) => `package ${name}`),
    ...differing(before.services, after.services, declared.services).map((name) => `service ${name}`),
    ...differing(before.files, after.files, declared.files),
  ];
}

type Values = Readonly<Record<string, string>>;

function differing(before: Values = {}, after: Values = {}, declared: readonly string[]): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => before[name] !== after[name] && !declared.includes(name)).sort();
}
