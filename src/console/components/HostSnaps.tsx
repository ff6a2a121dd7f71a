import { Paper, Text, Title } from '@mantine/core';
import { NOBODY_JUDGES, snapsInWords } from '../../model/snap-words.ts';
import { useHostSnaps } from '../api/hooks.ts';
import { Terms } from './Terms.tsx';

/** Snaps of one host; nothing where there are none, as on most. */
export function HostSnaps({ hostId }: { hostId: string }) {
  const told = useHostSnaps(hostId).data;
  const { snaps, troubles } = snapsInWords(told?.sections.snaps, told?.meta.snaps?.error);
  if (snaps.length === 0 && troubles.length === 0) return null;
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h4" mb="sm">
        Snaps
      </Title>
      <Text size="sm" c="dimmed" mb="sm">
        These are no packages of the distribution, and {NOBODY_JUDGES}.
      </Text>
      <Terms items={snaps} />
      {troubles.map((trouble) => (
        <Text size="sm" key={trouble}>
          {trouble}
        </Text>
      ))}
    </Paper>
  );
}
