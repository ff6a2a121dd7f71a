/** `uname -m` → the architecture as Node names it, or null when we have no runtime for it. */
export function architecture(machine: string): 'x64' | 'arm64' | null {
  const known: Record<string, 'x64' | 'arm64'> = { x86_64: 'x64', amd64: 'x64', aarch64: 'arm64', arm64: 'arm64' };
  return known[machine.trim()] ?? null;
}
