import { Tooltip } from '@mantine/core';

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });

function ago(iso: string, now = Date.now()): string {
  const seconds = (new Date(iso).getTime() - now) / 1000;
  const unit = UNITS.find(([, size]) => Math.abs(seconds) >= size);
  return unit ? relative.format(Math.round(seconds / unit[1]), unit[0]) : 'just now';
}

/** "3 minutes ago", with the exact instant on hover and for machines. */
export function Time({ at }: { at: string | null }) {
  if (!at) return <>–</>;
  return (
    <Tooltip label={new Date(at).toLocaleString()}>
      <time dateTime={at}>{ago(at)}</time>
    </Tooltip>
  );
}
