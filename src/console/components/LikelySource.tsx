import { Stack, Text } from '@mantine/core';
import { useLikelySource } from '../api/compliance.ts';

/** What the hosts share where it came back, or burns, and others do not; nothing, where that tells nothing. */
export function LikelySource({ kit, check }: { kit: string; check?: string }) {
  const { data } = useLikelySource(kit, check);
  if (!data || data.items.length === 0) return null;
  return (
    <Stack gap={4}>
      <Text size="sm" fw={650}>
        Likely source
      </Text>
      {data.items.slice(0, 3).map(({ text, lift, alike }) => (
        <Text size="sm" key={text} style={{ overflowWrap: 'anywhere' }}>
          {text} ({lift} times as often
          {alike > 0 ? `; so ${alike === 1 ? 'has 1 more thing' : `have ${alike} more things`}` : ''})
        </Text>
      ))}
    </Stack>
  );
}
