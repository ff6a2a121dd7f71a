import { Alert, Anchor, Button, Group, Paper, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import { useParams } from '@tanstack/react-router';
import type { Change } from '../../model/change.ts';
import { useChange, useChangeAction, useMe, usePlan, type ChangeAction } from '../api/hooks.ts';
import { Approve } from '../components/Approve.tsx';
import { ChangeBadge, Digest } from '../components/Badges.tsx';
import { ImpactView } from '../components/ImpactView.tsx';
import { Loaded, Page, Problem } from '../components/Page.tsx';
import { Rollout } from '../components/Rollout.tsx';
import { Time } from '../components/Time.tsx';
import { paths } from '../paths.ts';

export function ChangePage() {
  const { id } = useParams({ strict: false });
  const change = useChange(id!);
  return <Loaded query={change}>{(data) => <ChangeView change={data} />}</Loaded>;
}

const BEFORE: Change['state'][] = ['draft', 'planned', 'awaiting-approval', 'scheduled'];
const ACTIONS: Partial<Record<Change['state'], { action: ChangeAction; label: string }[]>> = {
  'awaiting-approval': [{ action: 'cancel', label: 'Cancel' }],
  scheduled: [
    { action: 'run', label: 'Run now' },
    { action: 'cancel', label: 'Cancel' },
  ],
  running: [
    { action: 'pause', label: 'Pause' },
    { action: 'cancel', label: 'Cancel' },
  ],
  paused: [
    { action: 'resume', label: 'Resume' },
    { action: 'rollback', label: 'Roll back' },
    { action: 'cancel', label: 'Cancel' },
  ],
  failed: [{ action: 'rollback', label: 'Roll back' }],
};

function ChangeView({ change }: { change: Change }) {
  const me = useMe().data;
  const act = useChangeAction(change.id);
  const mayOperate = me?.role === 'operator' || me?.role === 'admin';
  const actions = mayOperate ? (ACTIONS[change.state] ?? []) : [];
  return (
    <Page
      title={change.title}
      lead={change.reason}
      actions={actions.map(({ action, label }) => (
        <Button
          key={action}
          variant={action === 'run' || action === 'resume' ? 'filled' : 'default'}
          loading={act.isPending && act.variables === action}
          onClick={() => act.mutate(action)}
        >
          {label}
        </Button>
      ))}
    >
      {act.error ? <Problem error={act.error} /> : null}
      {change.why ? (
        <Alert
          color={change.state === 'closed' ? 'green' : 'orange'}
          title={change.state === 'closed' ? 'Closed' : 'Why it is here'}
        >
          {change.why}
        </Alert>
      ) : null}
      <Approve change={change} />
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
        <Plan change={change} />
        <Predicted change={change} />
      </SimpleGrid>
      <Paper withBorder p="lg">
        <Title order={2} size="h4" mb="sm">
          {BEFORE.includes(change.state) ? 'What will be done' : 'Rollout'}
        </Title>
        <PlannedRollout change={change} />
      </Paper>
      {change.state === 'closed' ? (
        <Group>
          <Anchor href={paths.document('change', change.id, 'html')} target="_blank">
            Change record (HTML)
          </Anchor>
          <Anchor href={paths.document('change', change.id, 'md')} target="_blank">
            Markdown
          </Anchor>
        </Group>
      ) : null}
    </Page>
  );
}

function PlannedRollout({ change }: { change: Change }) {
  const plan = usePlan(change);
  if (!change.planDigest) return <Text c="dimmed">No plan yet.</Text>;
  return <Loaded query={plan}>{(read) => <Rollout plan={read.plan} change={change} />}</Loaded>;
}

function Plan({ change }: { change: Change }) {
  const hosts = change.waves.reduce((sum, wave) => sum + wave.tasks.length, 0);
  return (
    <Paper withBorder p="lg">
      <Title order={2} size="h4" mb="sm">
        Plan
      </Title>
      <Stack gap={6}>
        <Group gap="xs">
          <ChangeBadge state={change.state} />
          <Text size="sm" c="dimmed">
            updated <Time at={change.updatedAt} />
          </Text>
        </Group>
        <Text size="sm">
          {change.findings.length} findings on {hosts} hosts in {change.waves.length} waves
        </Text>
        {change.planDigest ? (
          <Text size="sm">
            Digest <Digest value={change.planDigest} length={24} />
          </Text>
        ) : null}
        {change.approvals.map((approval) => (
          <Text size="sm" key={approval.statement.keyId}>
            Signed by key <code>{approval.statement.keyId}</code> <Time at={approval.statement.approvedAt} />
          </Text>
        ))}
      </Stack>
    </Paper>
  );
}

function Predicted({ change }: { change: Change }) {
  return (
    <Paper withBorder p="lg">
      <Title order={2} size="h4" mb="sm">
        {change.observed ? 'Impact: predicted, then observed' : 'Predicted impact'}
      </Title>
      <Stack>
        {change.predicted ? (
          <ImpactView impact={change.predicted} />
        ) : (
          <Text c="dimmed">Known once there is a plan.</Text>
        )}
        {change.observed ? (
          <div>
            <Title order={3} size="h5" mb={6}>
              Observed
            </Title>
            <ImpactView impact={change.observed} />
          </div>
        ) : null}
      </Stack>
    </Paper>
  );
}
