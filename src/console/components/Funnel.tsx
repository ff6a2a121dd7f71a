import { Box, Group, Stack, Text } from '@mantine/core';
import { FUNNEL, type Campaign } from '../../model/campaign.ts';
import { STEP_LABEL } from '../../model/campaign-words.ts';
import './funnel.css';

/** One bar a step: how many endpoints have done it, of those that must; accepted risks are hatched, never green. */
export function Funnel({ campaign }: { campaign: Campaign }) {
  const { totals } = campaign;
  const all = { total: totals.endpoints, excepted: totals.excepted };
  return (
    <Stack gap={6} role="list" aria-label={`Funnel of ${campaign.title}`}>
      {FUNNEL.map((step) => (
        <FunnelBar key={step} label={STEP_LABEL[step]} done={totals.byStep[step] ?? 0} {...all} />
      ))}
      <FunnelBar label="All steps done" done={totals.complete} {...all} strong />
    </Stack>
  );
}

interface BarProps {
  label: string;
  done: number;
  total: number;
  excepted: number;
  strong?: boolean;
}

function FunnelBar({ label, done, total, excepted, strong }: BarProps) {
  const counted = total - excepted;
  const percent = (n: number): string => `${total === 0 ? 0 : (n / total) * 100}%`;
  return (
    <Box role="listitem">
      <Group justify="space-between" gap="xs" mb={2} wrap="nowrap">
        <Text size="sm" fw={strong ? 700 : 450}>
          {label}
        </Text>
        <Text size="sm" ta="right" {...(strong ? { fw: 700 } : { c: 'dimmed' })}>
          {done} of {counted}
          {excepted > 0 ? `; ${excepted} more excepted` : ''}
        </Text>
      </Group>
      <div className="funnel-bar" style={strong ? undefined : { height: 12 }}>
        <div className="funnel-fill" data-full={counted > 0 && done === counted} style={{ width: percent(done) }} />
        <div className="funnel-excepted" style={{ width: percent(excepted) }} />
      </div>
    </Box>
  );
}
