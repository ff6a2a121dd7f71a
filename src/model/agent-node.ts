/** Which Node can run the agent as it is on the host. The bundle needs stable ESM, fetch-free core and zstd-free code: 22.18. */
const NEEDED = [22, 18] as const;
export const AGENT_NODE = NEEDED.join('.');

/** `v22.19.0` → may it run the agent? Anything unreadable: no. */
export function runsAgent(version: string): boolean {
  const match = /^v(\d+)\.(\d+)\.\d+/.exec(version.trim());
  if (!match) return false;
  const [major, minor] = [Number(match[1]), Number(match[2])];
  return major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1]);
}
