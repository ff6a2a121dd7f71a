import { Group, Popover, Text, UnstyledButton } from '@mantine/core';
import { IconCheck, IconCircleDashed, IconFlame, IconQuestionMark } from '@tabler/icons-react';
import type { FunnelState } from '../../model/campaign.ts';

const MARK = {
  done: { icon: IconCheck, color: 'teal-7', words: 'done' },
  open: { icon: IconFlame, color: 'orange-7', words: 'still to do' },
  unknown: { icon: IconQuestionMark, color: 'gray-6', words: 'not known: it could not be looked at' },
  'not-applicable': { icon: IconCircleDashed, color: 'gray-5', words: 'does not apply' },
} as const;

function Icon({ state }: { state: FunnelState }) {
  const { icon: Shape, color } = MARK[state];
  return <Shape size={18} color={`var(--mantine-color-${color})`} aria-hidden />;
}

/** What the marks stand for, in words. */
export function Legend() {
  return (
    <Group gap="md" mb="sm">
      {(Object.keys(MARK) as FunnelState[]).map((state) => (
        <Group key={state} gap={6} wrap="nowrap">
          <Icon state={state} />
          <Text size="sm">{MARK[state].words}</Text>
        </Group>
      ))}
      <Text size="sm" c="dimmed">
        Pick a mark to read why.
      </Text>
    </Group>
  );
}

/** One mark; its reason opens by mouse, touch and keyboard alike. */
export function Mark({ state, why, step }: { state: FunnelState; why: string; step: string }) {
  return (
    <Popover width={300} withArrow shadow="md" position="top">
      <Popover.Target>
        <UnstyledButton className="funnel-mark" aria-label={`${step}: ${MARK[state].words}`}>
          <Icon state={state} />
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown>
        <Text size="sm" fw={600}>
          {step}: {MARK[state].words}
        </Text>
        {why ? (
          <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
            {why}
          </Text>
        ) : null}
      </Popover.Dropdown>
    </Popover>
  );
}
