const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });
const local = new Intl.DateTimeFormat(undefined, {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZoneName: 'short',
});
const toTheSecond = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' });

/** "3 minutes ago". */
export function ago(iso: string, now: number): string {
  const seconds = (new Date(iso).getTime() - now) / 1000;
  const unit = UNITS.find(([, size]) => Math.abs(seconds) >= size);
  return unit ? relative.format(Math.round(seconds / unit[1]), unit[0]) : 'just now';
}

/** The instant itself, where "in 7 days" would be read differently tomorrow. */
export const dateOf = (iso: string): string => local.format(new Date(iso));

/** To the second, here with the zone's name, and in UTC as logs write it. */
export function exactly(iso: string): string[] {
  const at = new Date(iso);
  const { timeZone } = toTheSecond.resolvedOptions();
  const zone = timeZone === 'UTC' ? '' : ` (${timeZone})`;
  return [`${toTheSecond.format(at)}${zone}`, `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`];
}
