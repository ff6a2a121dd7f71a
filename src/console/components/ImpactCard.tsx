import { Alert, List, Paper, Stack, Text, Title } from '@mantine/core';
import type { Change } from '../../model/change.ts';
import type { Plan } from '../../model/plan.ts';
import { compareImpact } from './impact-words.ts';
import { ImpactView } from './ImpactView.tsx';

/** Before: what the signed plan says will be felt. After: what was, and where the plan was wrong. */
export function ImpactCard({ plan, change }: { plan: Plan; change: Change }) {
  const names = new Map(plan.waves.flatMap((wave) => wave.tasks.map((task) => [task.hostId, task.hostName])));
  const nameOf = (hostId: string): string => names.get(hostId) ?? hostId;
  const { observed } = change;
  return (
    <Paper withBorder p="lg">
      <Title order={2} size="h4" mb="sm">
        Impact
      </Title>
      {observed ? (
        <Stack gap="sm">
          <Title order={3} size="h5">
            Observed
          </Title>
          <Verdict {...compareImpact(plan.impact, observed, nameOf)} />
          <ImpactView impact={observed} tense="past" nameOf={nameOf} />
        </Stack>
      ) : (
        <Stack gap="sm">
          <Title order={3} size="h5">
            Predicted
          </Title>
          <ImpactView impact={plan.impact} tense="future" nameOf={nameOf} />
        </Stack>
      )}
    </Paper>
  );
}

function Verdict({ counts, differences }: ReturnType<typeof compareImpact>) {
  if (differences.length === 0) {
    return (
      <Text size="sm" fw={550}>
        As predicted: {counts}
      </Text>
    );
  }
  return (
    <Alert color="orange" title={`Not all as predicted: ${counts}`}>
      <List size="sm" spacing={2}>
        {differences.map((difference) => (
          <List.Item key={difference}>{difference}</List.Item>
        ))}
      </List>
    </Alert>
  );
}
