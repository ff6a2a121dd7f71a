/** Every server of the harness, and what has to be there for them. */
import { DATA } from './data.ts';
import { MAIL } from './mail.ts';
import { NAMES } from './names.ts';
import type { Truth } from './judge.ts';
import type { Wanted } from './root.ts';
import type { ServerSpec } from './spec.ts';
import { WEB } from './web.ts';

export const SERVERS: readonly ServerSpec[] = [...MAIL, ...WEB, ...NAMES, ...DATA];

const HELPERS = ['exim4-base', 'pure-ftpd-common'];

export function wantedFor(servers: readonly ServerSpec[]): Wanted {
  const alone = servers.filter((spec) => spec.alone).map((spec) => spec.package);
  const packages = servers.flatMap((spec) => [...(spec.alone ? [] : [spec.package]), ...(spec.also ?? [])]);
  return {
    packages: [...new Set(packages)].sort(),
    alone: [...new Set([...alone, ...(alone.length > 0 ? HELPERS : [])])].sort(),
  };
}

/** Every port of these, with the version that dpkg has of it. */
export function truthsOf(servers: readonly ServerSpec[], versions: ReadonlyMap<string, string>): Truth[] {
  return servers.flatMap((server) =>
    server.ports.map((port) => {
      const packageVersion = versions.get(server.package);
      if (packageVersion === undefined) throw new Error(`${server.package} is not among the packages that were made.`);
      return { ...port, server, packageVersion };
    }),
  );
}
