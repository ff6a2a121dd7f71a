import { Anchor, Group, Paper, Text, Title } from '@mantine/core';
import type { Change } from '../../model/change.ts';
import type { Plan } from '../../model/plan.ts';
import { useDocuments, usePlan } from '../api/hooks.ts';
import { paths } from '../paths.ts';
import { ChangeBadge, Digest } from './Badges.tsx';
import { toleranceInWords } from './change-asks.ts';
import { count } from './count.ts';
import { Moment } from './Moment.tsx';
import { Terms } from './Terms.tsx';
import { Time } from './Time.tsx';

/** Who wants what, when it may run, and who stands for it. Terms that are signed come from the plan hashed here. */
export function PlanCard({ change }: { change: Change }) {
  const plan = usePlan(change).data?.plan ?? null;
  return (
    <Paper withBorder p="lg">
      <Title order={2} size="h4" mb="sm">
        Plan
      </Title>
      <Terms
        items={[
          ['State', <State key="state" change={change} />],
          [
            'Asked for by',
            <>
              {change.authorName}, <Moment at={change.createdAt} />
            </>,
          ],
          plan ? ['Covers', scopeOf(plan)] : null,
          plan ? ['Kit', `${plan.kit.id} ${plan.kit.version}`] : null,
          plan
            ? [
                'May run',
                <>
                  from <Moment at={plan.notBefore} /> until <Moment at={plan.notAfter} />
                </>,
              ]
            : null,
          change.startAt ? ['Starts', <Moment key="start" at={change.startAt} />] : null,
          plan ? ['If a host fails', toleranceInWords(plan.abortAfterFailures)] : null,
          plan ? ['Approvals', `${change.approvals.length} of ${plan.approvalsRequired} needed`] : null,
          change.approvals.length > 0 ? ['Approved by', <Approvers key="approvers" change={change} />] : null,
          change.planDigest ? ['Digest', <Digest key="digest" value={change.planDigest} length={24} />] : null,
          ['Document', <ChangeRecord key="document" id={change.id} />],
        ]}
      />
    </Paper>
  );
}

function State({ change }: { change: Change }) {
  return (
    <Group gap="xs">
      <ChangeBadge state={change.state} />
      <Text size="sm" c="dimmed">
        updated <Time at={change.updatedAt} />
      </Text>
    </Group>
  );
}

function scopeOf(plan: Plan): string {
  const tasks = plan.waves.flatMap((wave) => wave.tasks);
  const findings = new Set(tasks.flatMap((task) => task.findings)).size;
  const without = tasks.filter((task) => task.findings.length === 0).length;
  const more = without > 0 ? ` and ${count(without, 'more host')} without one,` : '';
  return `${count(findings, 'finding')} on ${count(tasks.length - without, 'host')}${more} in ${count(plan.waves.length, 'wave')}`;
}

function Approvers({ change }: { change: Change }) {
  const names = new Map(change.approvers.map((one) => [one.keyId, one.name]));
  return change.approvals.map(({ statement }) => (
    <div key={statement.keyId}>
      {names.get(statement.keyId) ?? 'somebody'}, <Moment at={statement.approvedAt} />, signed by key{' '}
      <code>{statement.keyId}</code>
    </div>
  ));
}

/** The record grows with the change: it can be read as soon as it is there. */
function ChangeRecord({ id }: { id: string }) {
  const written = useDocuments().data?.some((item) => item.kind === 'change' && item.id === id) ?? false;
  if (!written)
    return (
      <Text span inherit c="dimmed">
        not written yet
      </Text>
    );
  return (
    <Group gap="sm">
      <Anchor inherit href={paths.document('change', id, 'html')} target="_blank" rel="noreferrer">
        Change record (HTML)
      </Anchor>
      <Anchor inherit href={paths.document('change', id, 'md')} target="_blank" rel="noreferrer">
        Markdown
      </Anchor>
    </Group>
  );
}
