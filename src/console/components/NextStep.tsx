import { Alert, Text } from '@mantine/core';
import { MAY, type Role } from '../../model/actor.ts';
import type { Change } from '../../model/change.ts';
import { useMe } from '../api/hooks.ts';
import { Moment } from './Moment.tsx';

/** An approval starts nothing: what does, and who. */
export function NextStep({ change }: { change: Change }) {
  const me = useMe().data;
  if (change.state !== 'scheduled') return null;
  const mayRun = me !== undefined && (MAY.operate as readonly Role[]).includes(me.role);
  return (
    <Alert color="blue" title={change.startAt ? 'Approved; it starts by itself' : 'Approved; it waits to be started'}>
      <Text size="sm">
        Nothing has been done on any host yet.{' '}
        {change.startAt ? (
          <>
            It starts <Moment at={change.startAt} />.
          </>
        ) : mayRun ? (
          'Start it with “Run now” above.'
        ) : (
          `Your role${me ? ` (${me.role})` : ''} does not start changes: ${change.authorName}, who asked for it, or another operator does.`
        )}{' '}
        On the command line: <code>lastember change run {change.id}</code>
      </Text>
    </Alert>
  );
}
