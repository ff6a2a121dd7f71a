import { Text } from '@mantine/core';
import { Time } from './Time.tsx';

/** By when it is to be gone, and whether that has passed; or until when the risk is accepted. */
export function Due({
  dueAt,
  overdue,
  until,
  hosts,
}: {
  dueAt: string | null | undefined;
  overdue: boolean;
  until?: string | null;
  /** on how many it is overdue, where that is known */
  hosts?: number | null;
}) {
  if (until)
    return (
      <Text size="sm" component="span">
        accepted until <Time at={until} mode="date" />
      </Text>
    );
  if (!dueAt) return <>–</>;
  return (
    <Text size="sm" c={overdue ? 'red' : 'inherit'} component="span">
      <Time at={dueAt} mode="date" />
      {overdue ? `, overdue${hosts ? ` on ${hosts}` : ''}` : ''}
    </Text>
  );
}
