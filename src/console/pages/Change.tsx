import { Alert, Paper, SimpleGrid, Text, Title } from '@mantine/core';
import { useParams } from '@tanstack/react-router';
import type { Change } from '../../model/change.ts';
import type { Plan } from '../../model/plan.ts';
import { useChange, useChangeAction, usePlan } from '../api/hooks.ts';
import { ApproveChange } from '../components/Approve.tsx';
import { ChangeActions } from '../components/ChangeActions.tsx';
import { Covered, NotCovered } from '../components/Covered.tsx';
import { ImpactCard } from '../components/ImpactCard.tsx';
import { Loaded, Page, Problem } from '../components/Page.tsx';
import { PlanCard } from '../components/PlanCard.tsx';
import { Rollout } from '../components/Rollout.tsx';
import { isMissing } from '../api/missing.ts';
import { paths } from '../paths.ts';
import { NextStep } from '../components/NextStep.tsx';
import { NoSuch } from './NotFound.tsx';

export function ChangePage() {
  const { id } = useParams({ strict: false });
  const change = useChange(id!);
  if (isMissing(change.error)) return <NoSuch what="change" to={paths.changes()} />;
  return <Loaded query={change}>{(data) => <ChangeView change={data} />}</Loaded>;
}

function ChangeView({ change }: { change: Change }) {
  const act = useChangeAction(change.id);
  const plan = usePlan(change);
  return (
    <Page title={change.title} lead={change.reason} actions={<ChangeActions change={change} act={act} />}>
      {act.error ? <Problem error={act.error} /> : null}
      {change.why ? (
        <Alert
          color={change.state === 'closed' ? 'green' : 'orange'}
          title={change.state === 'closed' ? 'Closed' : 'Why it is here'}
        >
          {change.why}
        </Alert>
      ) : null}
      <ApproveChange change={change} />
      <NextStep change={change} />
      {change.planDigest ? (
        <Loaded query={plan}>{(read) => <Planned plan={read.plan} change={change} />}</Loaded>
      ) : (
        <>
          <PlanCard change={change} />
          <Text c="dimmed">No plan yet.</Text>
        </>
      )}
      <NotCovered left={change.left ?? []} />
    </Page>
  );
}

const BEFORE: Change['state'][] = ['draft', 'planned', 'awaiting-approval', 'scheduled'];

/** Everything below comes from the plan as this browser read and hashed it: it is what the signature covers. */
function Planned({ plan, change }: { plan: Plan; change: Change }) {
  return (
    <>
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg" style={{ alignItems: 'start' }}>
        <PlanCard change={change} />
        <ImpactCard plan={plan} change={change} />
      </SimpleGrid>
      <Covered plan={plan} />
      <Paper withBorder p="lg">
        <Title order={2} size="h4" mb="sm">
          {BEFORE.includes(change.state) ? 'What will be done' : 'Rollout'}
        </Title>
        <Rollout plan={plan} change={change} />
      </Paper>
    </>
  );
}
