const DAY = 24 * 60;

/** Is this instant within hours of the day as `HH:MM-HH:MM` in UTC? The end does not belong to them; 00:00-00:00 is all day. */
export function within(hours: string | null, at: Date): boolean {
  if (hours === null) return true;
  const [from, to] = hours.split('-').map(minutesOf) as [number, number];
  const length = (to - from + DAY) % DAY || DAY;
  const since = (at.getUTCHours() * 60 + at.getUTCMinutes() - from + DAY) % DAY;
  return since < length;
}

/** When the hours that hold at `at` end; null where there are none, or they hold all day. */
export function endOf(hours: string | null, at: Date): Date | null {
  if (hours === null || !within(hours, at)) return null;
  const [from, to] = hours.split('-').map(minutesOf) as [number, number];
  if (from === to) return null;
  const left = (to - (at.getUTCHours() * 60 + at.getUTCMinutes()) + DAY) % DAY;
  return new Date(Math.floor(at.getTime() / 60_000) * 60_000 + left * 60_000);
}

function minutesOf(text: string): number {
  const [hours, minutes] = text.split(':').map(Number) as [number, number];
  return hours * 60 + minutes;
}
