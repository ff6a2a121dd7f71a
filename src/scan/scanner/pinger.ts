/** How a guard asks by ICMP. Like a connector it has no opinion; only a guard calls `PING`. */
export interface Pinger {
  /** which way, or why there is none, for people */
  readonly why: string;
  /**
   * Sends one echo each, at once, and hears for so long; those that answered, with the hops their answer had left. It may be
   * asked again while others are still waited for.
   */
  [PING](addresses: readonly string[], timeoutMs: number, signal?: AbortSignal): Promise<Map<string, Answered>>;
  close(): void;
}

export interface Answered {
  /** not known everywhere */
  ttl: number | undefined;
}

export const PING = Symbol('ping');
