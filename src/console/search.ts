import { useLocation, useNavigate, useRouter, useSearch } from '@tanstack/react-router';
import * as z from 'zod';
import { Dimension } from '../model/compliance.ts';
import { Severity } from '../model/kit.ts';

/*
 * What a page shows stands in its address, so that Back returns to it and a link can be sent. A default is left out,
 * and what makes no sense counts as left out.
 */
const text = z.string().min(1).max(200).optional().catch(undefined);
const optional = <T extends z.ZodType>(schema: T) => schema.optional().catch(undefined);

export const STATES = [
  'burning',
  'open',
  'rekindled',
  'planned',
  'excepted',
  'fixed',
  'not-applicable',
  'all',
] as const;
export type StateFilter = (typeof STATES)[number];
const flag = optional(z.literal(true));
export const FindingsSearch = z.object({
  state: optional(z.enum(STATES)),
  kit: text,
  severity: optional(Severity),
  overdue: flag,
  stale: flag,
  drifted: flag,
  finding: text,
});
export type FindingsSearch = z.infer<typeof FindingsSearch>;

export const ComplianceSearch = z.object({ by: optional(Dimension) });
export type ComplianceSearch = z.infer<typeof ComplianceSearch>;

export const HOST_FILTERS = ['all', 'unknown', 'unmanaged'] as const;
export type HostFilter = (typeof HOST_FILTERS)[number];
export const HostsSearch = z.object({ show: optional(z.enum(HOST_FILTERS)), q: text });
export type HostsSearch = z.infer<typeof HostsSearch>;

export const HostSearch = z.object({ finding: text });
export type HostSearch = z.infer<typeof HostSearch>;

export const STEPS = ['discovery', 'enrollment', 'audit', 'impact', 'change', 'trail', 'auth'] as const;
export const TrailSearch = z.object({ step: optional(z.enum(STEPS)) });
export type TrailSearch = z.infer<typeof TrailSearch>;

export const SPANS = ['1', '7', '30', '90'] as const;
export const MOMENTS = ['hosts', 'all', 'appeared', 'gone', 'identity', 'ports'] as const;
export const TimelineSearch = z.object({
  days: optional(z.enum(SPANS)),
  show: optional(z.enum(MOMENTS)),
  claim: optional(z.enum(['unknown', 'known', 'ignored'])),
});
export type TimelineSearch = z.infer<typeof TimelineSearch>;

export const KEYS_SHOWN = ['shared', 'burnt', 'all'] as const;
export type KeysShown = (typeof KEYS_SHOWN)[number];
export const KeysSearch = z.object({ show: optional(z.enum(KEYS_SHOWN)), key: text });
export type KeysSearch = z.infer<typeof KeysSearch>;

export const VULNERABILITY_SEVERITIES = ['critical', 'high', 'medium', 'low', 'info', 'unknown'] as const;
export const VulnerabilitiesSearch = z.object({
  view: optional(z.enum(['fixes'])),
  severity: optional(z.enum(VULNERABILITY_SEVERITIES)),
  exploited: flag,
  fixable: flag,
  overdue: flag,
  accepted: flag,
  text,
  page: optional(z.number().int().min(1).max(10_000)),
});
export type VulnerabilitiesSearch = z.infer<typeof VulnerabilitiesSearch>;

/** Subnets that are open at once; the server takes no more. */
export const MOST_OPEN = 6;
export const MapSearch = z.object({ open: z.string().max(400).optional().catch(undefined) });
export type MapSearch = z.infer<typeof MapSearch>;

/** What this page's address says, and changing it; `replace` for what is no step of its own, such as a letter typed. */
export function useFilters<T extends object>(): [T, (change: Partial<T>, replace?: boolean) => void] {
  const filters = useSearch({ strict: false }) as T;
  const navigate = useNavigate();
  const set = (change: Partial<T>, replace = false): void =>
    void navigate({ to: '.', search: ((old: object) => ({ ...old, ...change })) as never, replace });
  return [filters, set];
}

/** The finding whose details are open: opening it is a step, and closing it goes back that step. */
export function useOpenFinding(): { id: string | undefined; open: (id: string) => void; close: () => void } {
  const { finding } = useSearch({ strict: false }) as HostSearch;
  const opened = useLocation({ select: (at) => (at.state as { opened?: true }).opened });
  const { history } = useRouter();
  const navigate = useNavigate();
  const go = (id: string | undefined, state: object): void =>
    void navigate({
      to: '.',
      search: ((old: object) => ({ ...old, finding: id })) as never,
      state: state as never,
      resetScroll: false,
      replace: id === undefined,
    });
  return {
    id: finding,
    open: (id) => go(id, { opened: true }),
    // Who came by a link has no step to go back to.
    close: () => (opened ? history.back() : go(undefined, {})),
  };
}
