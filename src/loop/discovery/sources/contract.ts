import type { Identifier } from '../../../model/estate.ts';
import type { Guard } from '../../../scan/scanner/guard.ts';
import type { SourceField, SourceKind, SourceKindInfo, SourceRecord } from '../../../model/source.ts';
import type { SourceHttp } from './http.ts';

export type { SourceRecord } from '../../../model/source.ts';

export interface Asking {
  /** with defaults filled in */
  settings: Readonly<Record<string, string>>;
  secrets: Readonly<Record<string, string>>;
  http: SourceHttp;
  now: Date;
  signal: AbortSignal;
  /**
   * Lets a source look at a machine that it was told of, as a scan would: by the scopes, at their rates, outside of their
   * blackouts. Throws where none lets it.
   */
  look<T>(address: string, use: (guard: Guard) => Promise<T>): Promise<T>;
  /** what was told and cannot be used, for the count of what was left out */
  skip(why: string): void;
}

interface Told extends Pick<SourceKindInfo, 'title' | 'needs' | 'isList'> {
  kind: SourceKind;
  fields: readonly SourceField[];
  /** `machines`: all addresses of a record are one machine's. `addresses`: each stands for itself, as in a zone. */
  of: 'machines' | 'addresses';
  /** what it tells of is a machine of ours, also without an address: it is looked for, and named until it is found */
  isProof?: true;
}

/** Asked over the network. Throws an Error whose message says what the other side said. */
export interface AskedSource extends Told {
  how: 'asked';
  read(asking: Asking): AsyncIterable<SourceRecord>;
}

/** A file that somebody who has it hands over: leases, an inventory, a list of host keys. */
export interface PushedSource extends Told {
  how: 'pushed';
  /** Throws an Error that names the line, where the text is not what it should be. */
  parse(text: string, asking: Pick<Asking, 'settings' | 'now' | 'skip'>): SourceRecord[];
}

export type SourceMember = AskedSource | PushedSource;

const field = (name: string, what: string, rest: Partial<SourceField> = {}): SourceField => ({
  name,
  what,
  required: true,
  secret: false,
  ...rest,
});
export const setting = (name: string, what: string): SourceField => field(name, what);
export const optional = (name: string, what: string, fallback?: string): SourceField =>
  field(name, what, { required: false, ...(fallback === undefined ? {} : { default: fallback }) });
export const secret = (name: string, what: string): SourceField => field(name, what, { secret: true });
/** Every source that is asked over HTTPS may have a certificate of an authority of its own. */
export const CA = optional(
  'ca',
  'PEM of the authority that its HTTPS certificate leads to, where that is not a public one',
);

export const macOf = (value: unknown): Identifier[] => {
  const text = typeof value === 'string' ? value.toLowerCase().replaceAll('-', ':') : '';
  return /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(text) && text !== '00:00:00:00:00:00'
    ? [{ kind: 'mac', value: text }]
    : [];
};
export const cloudId = (provider: string, id: string): Identifier => ({ kind: 'cloud-id', value: `${provider}:${id}` });
