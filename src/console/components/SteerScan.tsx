import { Button, Group } from '@mantine/core';
import type { Scan } from '../../model/estate.ts';
import type { Steer } from '../api/scans.ts';
import { Confirm } from './Confirm.tsx';

/** What may be done to a scan in its state; nothing, to one that is over. */
const VERBS: Record<Scan['state'], readonly Steer['verb'][]> = {
  queued: ['pause', 'cancel'],
  running: ['pause', 'cancel'],
  paused: ['resume', 'cancel'],
  failed: ['resume', 'cancel'],
  done: [],
  cancelled: [],
};

interface Props {
  scan: Scan;
  /** what it is a scan of */
  name: string;
  steer: (what: Steer) => void;
}

export function SteerScan({ scan, name, steer }: Props) {
  const { id, state } = scan;
  const verbs = VERBS[state];
  if (verbs.length === 0) return null;
  return (
    <Group gap={6}>
      {verbs
        .filter((verb) => verb !== 'cancel')
        .map((verb) => {
          const word = verb === 'pause' ? 'Pause' : 'Resume';
          return (
            <Button
              key={verb}
              size="compact-sm"
              variant="default"
              onClick={() => steer({ id, verb })}
              aria-label={`${word} the scan of ${name}`}
              style={{ flex: 'none' }}
            >
              {word}
            </Button>
          );
        })}
      {verbs.includes('cancel') ? (
        <Confirm
          label="Cancel"
          ariaLabel={`Cancel the scan of ${name}`}
          title={`Cancel the scan of ${name}?`}
          verb="Cancel the scan"
          color="red"
          size="compact-sm"
          onConfirm={() => steer({ id, verb: 'cancel' })}
        >
          It ends for good and cannot be resumed. What it found stays.
        </Confirm>
      ) : null}
    </Group>
  );
}
