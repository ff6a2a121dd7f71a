type Figures = Readonly<Record<string, number>>;

const shown = (key: string, value: number | undefined): string => {
  if (value === undefined) return '';
  if (key.endsWith('(number)')) return value.toLocaleString('en');
  const unit = / ([kM]B)$/.exec(key)?.[1];
  if (unit) return `${value.toFixed(0)} ${unit}`;
  return value < 1 ? `${(value * 1000).toFixed(value < 0.1 ? 1 : 0)} ms` : `${value.toFixed(1)} s`;
};

/** How each figure grows with the number of hosts: one line each, in the order that it was measured, with what is asked of it. */
export function growthTable(sizes: readonly number[], found: readonly Figures[], bars: Figures): string[] {
  const keys = Object.keys(found[0] ?? {});
  const lines = [
    ['hosts', ...sizes.map((size) => size.toLocaleString('en')), 'wanted'],
    ...keys.map((key) => [key, ...sizes.map((_, at) => shown(key, found[at]?.[key])), shown(key, bars[key])]),
  ];
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines.map((line) =>
    line
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)))
      .join('  ')
      .trimEnd(),
  );
}
