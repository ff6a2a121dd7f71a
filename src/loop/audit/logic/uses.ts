import type { ProcessFact } from '../../../model/facts.ts';

/** What runs out of which package: `package TAB unit`, or the program's name where it is of no unit. */
export function usesOf(processes: readonly ProcessFact[]): string[] {
  const uses = processes.flatMap((process) => {
    const unit = process.unit ?? process.command.split(' ')[0]!.split('/').at(-1)!;
    const packages = [...process.packages, ...process.replaced.flatMap((file) => file.package ?? [])];
    return packages.map((name) => `${name}\t${unit.replaceAll('\t', ' ')}`);
  });
  return [...new Set(uses)].toSorted();
}
