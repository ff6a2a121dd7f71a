const DAY = 24 * 60;

/** Is this instant within hours of the day as `HH:MM-HH:MM` in UTC? The end does not belong to them; 00:00-00:00 is all day. */
export function within(hours: string | null, at: Date): boolean {
  if (hours === null) return true;
  const [from, to] = hours.split('-').map(minutesOf) as [number, number];
  const length = (to - from + DAY) % DAY || DAY;
  const since = (at.getUTCHours() * 60 + at.getUTCMinutes() - from + DAY) % DAY;
  return since < length;
}

function minutesOf(text: string): number {
  const [hours, minutes] = text.split(':').map(Number) as [number, number];
  return hours * 60 + minutes;
}
