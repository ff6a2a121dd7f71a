/** The Debian archive, its security archive and their keys, as this machine's apt knows them. */
import { readFileSync } from 'node:fs';
import { run } from './command.ts';
import { readSources, type Source } from './apt-sources.ts';

export interface Archive {
  main: string;
  /** null: this machine takes no security updates from anywhere, so neither do the hosts */
  security: string | null;
  keyring: string | null;
  /** settings of the machine's apt that say how far it trusts the mirror's dates */
  options: string[];
}

const GENERIC = ['stable', 'oldstable', 'oldoldstable', 'testing'];
const DATES = ['Acquire::Check-Valid-Until', 'Acquire::Check-Date'];

export async function findArchive(): Promise<Archive> {
  const release = readFileSync('/etc/os-release', 'utf8');
  const codename = /^VERSION_CODENAME="?(\w+)/m.exec(release)?.[1] ?? 'stable';
  return { ...chooseArchive(readSources(), codename), options: await dateOptions() };
}

/** Others use the codename as their suite too; Debian's own comes with its security suite, and is listed first. */
export function chooseArchive(sources: readonly Source[], codename: string): Omit<Archive, 'options'> {
  const names = [codename, ...GENERIC];
  const ours = sources.filter((source) => source.components.includes('main') && /^https?:/.test(source.uri));
  const main =
    ours.find((source) => source.suites.some((suite) => names.includes(suite)) && /debian/.test(source.uri)) ??
    ours.find((source) => source.suites.some((suite) => names.includes(suite)));
  if (!main)
    throw new Error(
      `This machine's apt sources name no Debian archive with ${codename} main over HTTP. The lab makes its hosts from it.`,
    );
  const security = ours.find((source) =>
    source.suites.some((suite) => names.some((name) => suite === `${name}-security` || suite === `${name}/updates`)),
  );
  return { main: main.uri, security: security?.uri ?? null, keyring: main.signedBy };
}

async function dateOptions(): Promise<string[]> {
  const dump = (await run(['apt-config', 'dump'])).stdout;
  return dump.split('\n').filter((line) => DATES.some((name) => line.startsWith(`${name} `)));
}
