import { Tooltip } from '@mantine/core';
import { useNow } from './clock.ts';
import { ago, dateOf, exactly } from './instant.ts';

interface Props {
  at: string | null;
  /** `date` for what somebody signs, answers for or looks up: the instant itself */
  mode?: 'relative' | 'date';
}

/** "3 minutes ago" or the date; with the pointer, by touch or by keyboard, the exact instant here and in UTC. */
export function Time({ at, mode = 'relative' }: Props) {
  return at ? <Shown at={at} mode={mode} /> : <>–</>;
}

/** "never" where only lists have told of a host. */
export const LastSeen = ({ at }: { at: string | null }) => (at ? <Time at={at} /> : <>never</>);

const TAB = 0;

function Shown({ at, mode }: { at: string; mode: 'relative' | 'date' }) {
  const words = ago(at, useNow());
  const label = [...(mode === 'date' ? [words] : []), ...exactly(at)].join('\n');
  return (
    <Tooltip
      label={label}
      multiline
      events={{ hover: true, focus: true, touch: true }}
      styles={{ tooltip: { whiteSpace: 'pre-line' } }}
    >
      <time dateTime={at} tabIndex={TAB}>
        {mode === 'date' ? dateOf(at) : words}
      </time>
    </Tooltip>
  );
}
