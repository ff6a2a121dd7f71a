import { Box, Group, Stack, Text } from '@mantine/core';
import { FUNNEL, type Campaign, type FunnelStep } from '../../model/campaign.ts';

export const STEP_LABEL: Record<FunnelStep, string> = {
  patched: 'Patched on disk',
  restarted: 'Nothing runs the old library',
  newKey: 'New key',
  reissued: 'Certificate reissued',
  served: 'New certificate served',
  revoked: 'Old certificate revoked',
  revocationVisible: 'Revocation visible in CRL',
  sessions: 'Sessions invalidated',
  proven: 'Proven from outside',
};

/** One bar a step: how many endpoints have done it, of those that must. */
export function Funnel({ campaign }: { campaign: Campaign }) {
  const total = campaign.totals.endpoints;
  return (
    <Stack gap={6} role="list" aria-label={`Funnel of ${campaign.title}`}>
      {FUNNEL.map((step) => (
        <FunnelBar key={step} label={STEP_LABEL[step]} done={campaign.totals.byStep[step] ?? 0} total={total} />
      ))}
      <FunnelBar label="All steps done" done={campaign.totals.complete} total={total} strong />
    </Stack>
  );
}

function FunnelBar({ label, done, total, strong }: { label: string; done: number; total: number; strong?: boolean }) {
  const share = total === 0 ? 0 : done / total;
  return (
    <Box role="listitem">
      <Group justify="space-between" gap="xs" mb={2} wrap="nowrap">
        <Text size="sm" fw={strong ? 700 : 450}>
          {label}
        </Text>
        <Text size="sm" {...(strong ? { fw: 700 } : { c: 'dimmed' })}>
          {done} of {total}
        </Text>
      </Group>
      <div className="funnel-bar" style={strong ? undefined : { height: 12 }}>
        <div className="funnel-fill" data-full={total > 0 && done === total} style={{ width: `${share * 100}%` }} />
      </div>
    </Box>
  );
}
