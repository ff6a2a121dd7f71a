import { Group, Stack, Text } from '@mantine/core';
import type { SequencedEntry } from '../../model/trail.ts';
import { unnamedIn, useNames } from '../api/use-names.ts';
import { describeEntry } from './entry.ts';
import { Time } from './Time.tsx';

/** Entries of the trail, a line each: what happened and when. */
export function EntryList({ items }: { items: readonly SequencedEntry[] }) {
  const nameOf = useNames(unnamedIn(items.map(({ entry }) => entry)));
  return (
    <Stack gap={6}>
      {items.map((item) => (
        <Group key={item.entry.id} gap="sm" wrap="nowrap" align="baseline">
          <Text size="sm" style={{ flex: 1, overflowWrap: 'anywhere' }}>
            {describeEntry(item.entry, nameOf)}
          </Text>
          <Text size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
            {item.index === null ? '' : `#${item.index} `}
            <Time at={item.entry.at} />
          </Text>
        </Group>
      ))}
    </Stack>
  );
}
