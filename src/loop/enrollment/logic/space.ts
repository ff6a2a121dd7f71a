/** Megabytes that must be free where the agent is put: what is written, twice while it is replaced, and a little. */
export const NEEDED_MB = { oneFile: 250, bundleOnly: 16 } as const;

/** Free megabytes of the file system that `df -Pk PATH` told of (POSIX: fourth column), or null when it said no such thing. */
export function freeMb(text: string): number | null {
  const available = text.trim().split('\n').at(-1)?.trim().split(/\s+/)[3];
  return available !== undefined && /^\d+$/.test(available) ? Math.floor(Number(available) / 1024) : null;
}
