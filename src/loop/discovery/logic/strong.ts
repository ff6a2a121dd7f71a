import type { Identifier, IdentifierKind } from '../../../model/estate.ts';

/**
 * Which machine is it? Strongest first. TLS keys are not among them: one key on many servers is exactly what people
 * do, so a shared key must never make two machines one. They are kept beside the host and shown.
 */
export const STRONG = [
  'agent-key',
  'cloud-id',
  'machine-id',
  'ssh-host-key',
  'mac',
  'inventory-id',
] as const satisfies IdentifierKind[];
export type StrongKind = (typeof STRONG)[number];

export function strong(identifiers: readonly Identifier[]): Identifier[] {
  return STRONG.flatMap((kind) => identifiers.filter((i) => i.kind === kind));
}

export const textOf = ({ kind, value }: Identifier): string => `${kind} ${value}`;
export const same = (a: Identifier, b: Identifier): boolean => a.kind === b.kind && a.value === b.value;
