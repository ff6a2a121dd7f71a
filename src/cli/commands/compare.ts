import type { Command } from 'commander';
import type { Comparison, Difference } from '../../model/compare.ts';
import { EXIT, Exit } from '../exit.ts';
import { hostIdOf } from '../lookup.ts';
import { ago, type Output, list } from '../output.ts';
import { does } from '../run.ts';

export function addCompare(root: Command): void {
  does(
    root
      .command('compare <first> <second>')
      .description(
        'What differs between two hosts, such as a golden server and one that should be like it. Exit 1 when anything does',
      ),
    async (context, [first, second]) => {
      const client = await context.client();
      const ids = await Promise.all([first![0]!, second![0]!].map((host) => hostIdOf(client, host)));
      const found = await client.compareHosts({ query: { first: ids[0]!, second: ids[1]! } });
      if (context.output.json) context.output.out(JSON.stringify(found, null, 2));
      else tell(context.output, found);
      if (found.packages.length + found.settings.length + found.verdicts.length > 0) throw new Exit(EXIT.negative);
    },
  );
}

function tell(output: Output, found: Comparison): void {
  const { first, second, same, unknown } = found;
  for (const side of [first, second])
    output.out(`${side.name}: reported ${ago(side.reportedAt)}${side.stale ? ', stale' : ''}`);
  const titles: [string, string] = [first.name, second.name];
  section(output, 'PACKAGE', found.packages, titles, `Packages: the same ${same.packages}.`);
  section(output, 'SETTING', found.settings, titles, `Settings: the same ${same.settings}.`);
  const verdicts = found.verdicts.map((one) => ({ ...one, what: `${one.kit}/${one.check}` }));
  section(output, 'CHECK', verdicts, titles, `Verdicts: the same ${same.verdicts}.`);
  for (const { section: name, host } of unknown) output.err(`not compared: ${name} of ${host} is not known`);
}

function section(
  output: Output,
  title: string,
  rows: readonly Difference[],
  [a, b]: [string, string],
  none: string,
): void {
  output.out('');
  list(
    output,
    rows,
    [
      { title, of: (row) => row.what, shrink: true },
      { title: a, of: (row) => row.first ?? '–', shrink: true },
      { title: b, of: (row) => row.second ?? '–', shrink: true },
    ],
    none,
  );
}
