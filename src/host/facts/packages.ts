import type { PackageFact } from '../../model/facts.ts';
import { candidateVersions, listsStamp } from '../packages/apt.ts';
import { dpkgStamp } from '../packages/dpkg.ts';
import { by, type FactSection, type Look } from './look.ts';
import { packages as installed } from './shared.ts';

/** What is installed, and what the host's archive offers instead as of its last update. */
export const packages: FactSection<'packages'> = {
  name: 'packages',
  version: 2,
  async collect(look) {
    const facts = await installed(look);
    const offered = await candidates(look, facts);
    return facts
      .map((fact) => (offered === null ? fact : { ...fact, candidate: offered.get(fact.name) ?? null }))
      .sort(
        by(
          (fact) => fact.name,
          (fact) => fact.arch,
          (fact) => fact.version,
        ),
      );
  },
};

async function candidates(
  look: Look,
  facts: readonly PackageFact[],
): Promise<ReadonlyMap<string, string | null> | null> {
  const stamp = `${await dpkgStamp(look.host)} ${await listsStamp(look.host)}`;
  const names = [...new Set(facts.map((fact) => fact.name))].sort();
  return look.kept('candidates', stamp, () => candidateVersions(look.host, names));
}
