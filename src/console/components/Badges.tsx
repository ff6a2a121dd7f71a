import { Badge, Code, Tooltip } from '@mantine/core';
import type { Change } from '../../model/change.ts';
import type { Host } from '../../model/estate.ts';
import type { FindingState } from '../../model/finding.ts';
import type { Severity } from '../../model/kit.ts';
import { SEVERITY_COLOR, STATE_COLOR } from '../theme.ts';

export function SeverityBadge({ severity }: { severity: Severity }) {
  return (
    <Badge color={SEVERITY_COLOR[severity]} variant="light">
      {severity}
    </Badge>
  );
}

export function FindingBadge({ state }: { state: FindingState }) {
  return (
    <Badge color={STATE_COLOR[state]} variant="dot">
      {state}
    </Badge>
  );
}

export function ClaimBadge({ host }: { host: Host }) {
  const color = { unknown: 'orange', known: 'gray', ignored: 'gray' }[host.claim];
  return (
    <Badge color={color} variant={host.claim === 'unknown' ? 'light' : 'outline'}>
      {host.claim}
    </Badge>
  );
}

export function ManagementBadge({ host }: { host: Host }) {
  const color = { managed: 'green', unmanaged: 'gray', lost: 'red', unmanageable: 'orange' }[host.management];
  return (
    <Badge color={color} variant="dot">
      {host.management}
    </Badge>
  );
}

const CHANGE_COLOR: Record<Change['state'], string> = {
  draft: 'gray',
  planned: 'gray',
  'awaiting-approval': 'orange',
  scheduled: 'blue',
  running: 'blue',
  paused: 'yellow',
  verifying: 'cyan',
  closed: 'green',
  failed: 'red',
  'rolled-back': 'grape',
  cancelled: 'gray',
};

export function ChangeBadge({ state }: { state: Change['state'] }) {
  return (
    <Badge color={CHANGE_COLOR[state]} variant="light">
      {state.replace('-', ' ')}
    </Badge>
  );
}

/** A hash, shortened for reading; the whole of it with the pointer, by touch or by keyboard. */
export function Digest({ value, length = 12 }: { value: string; length?: number }) {
  return (
    <Tooltip
      label={value}
      multiline
      maw="min(520px, 90vw)"
      events={{ hover: true, focus: true, touch: true }}
      styles={{ tooltip: { overflowWrap: 'anywhere' } }}
    >
      <Code tabIndex={0} className="digest">
        {value.slice(0, length)}…
      </Code>
    </Tooltip>
  );
}
