import { Paper, Text, Title } from '@mantine/core';
import type { SnapFact } from '../../model/facts.ts';
import { NOBODY_JUDGES, snapInWords } from '../../model/snap-words.ts';
import { useHostSnaps } from '../api/hooks.ts';
import { Terms } from './Terms.tsx';

/** Snaps of one host; nothing where there are none, as on most. */
export function HostSnaps({ hostId }: { hostId: string }) {
  const told = useHostSnaps(hostId).data;
  const snaps = (told?.sections.snaps?.snaps ?? []) as SnapFact[];
  const unread = told?.sections.snaps?.unread ?? [];
  const error = told?.meta.snaps?.error;
  if (snaps.length === 0 && unread.length === 0 && !error) return null;
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h4" mb="sm">
        Snaps
      </Title>
      <Text size="sm" c="dimmed" mb="sm">
        These are no packages of the distribution, and {NOBODY_JUDGES}.
      </Text>
      <Terms items={snaps.map((one) => [one.name, snapInWords(one)] as const)} />
      {unread.map(({ path, why }) => (
        <Text size="sm" key={path}>
          Not read: {path}: {why}
        </Text>
      ))}
      {error ? <Text size="sm">The last look failed: {error}</Text> : null}
    </Paper>
  );
}
