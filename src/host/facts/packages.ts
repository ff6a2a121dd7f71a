import { by, type FactSection } from './look.ts';
import { packages as installed } from './shared.ts';

export const packages: FactSection<'packages'> = {
  name: 'packages',
  version: 1,
  collect: async (look) =>
    [...(await installed(look))].sort(
      by(
        (fact) => fact.name,
        (fact) => fact.arch,
        (fact) => fact.version,
      ),
    ),
};
