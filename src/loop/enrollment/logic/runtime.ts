/** Which Node can run the agent as it is on the host. The bundle needs stable ESM, fetch-free core and zstd-free code: 22.18. */
const NEEDED = [22, 18] as const;

/** `v22.19.0` → may it run the agent? Anything unreadable: no. */
export function runsAgent(version: string): boolean {
  const match = /^v(\d+)\.(\d+)\.\d+/.exec(version.trim());
  if (!match) return false;
  const [major, minor] = [Number(match[1]), Number(match[2])];
  return major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1]);
}

/** `uname -m` → the architecture as Node names it, or null when we have no runtime for it. */
export function architecture(machine: string): 'x64' | 'arm64' | null {
  const known: Record<string, 'x64' | 'arm64'> = { x86_64: 'x64', amd64: 'x64', aarch64: 'arm64', arm64: 'arm64' };
  return known[machine.trim()] ?? null;
}
