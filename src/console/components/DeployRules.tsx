import { Stack, Text } from '@mantine/core';
import type { DeployRule } from '../../model/deployment.ts';
import { useApproveRule, useEndRule, useRulePlan } from '../api/deployments.ts';
import { useApproval } from '../api/use-approval.ts';
import { Approve } from './Approve.tsx';
import { Confirm } from './Confirm.tsx';
import { DataTable, type Column } from './DataTable.tsx';
import { useMayDeploy } from './DeployHosts.tsx';
import { Empty, Problem } from './Page.tsx';
import { Time } from './Time.tsx';

/** Rules that ask for deployments; those that wait for a signature first. */
export function DeployRules({ rules }: { rules: readonly DeployRule[] }) {
  const end = useEndRule();
  const may = useMayDeploy();
  const open = rules.filter(({ state }) => state !== 'ended');
  if (open.length === 0)
    return (
      <Empty
        title="No rules"
        hint={
          <>
            Whatever is new in a segment gets an agent, after approval:{' '}
            <code>lastember deploy-rule add branches --for 192.0.2.0/24 --until 90d</code>
          </>
        }
      />
    );
  const columns: Column<DeployRule>[] = [
    { title: 'Rule', cell: (rule) => rule.name },
    { title: 'State', cell: (rule) => (rule.rests ? `rests for a day: ${rule.rests}` : rule.state.replace('-', ' ')) },
    { title: 'For', mono: true, cell: (rule) => rule.where.join(', ') },
    { title: 'Approval', cell: approval },
    { title: 'Limits', cell: (rule) => `${rule.most} hosts a day${rule.hours ? `, ${rule.hours} UTC` : ''}` },
    { title: 'Until', cell: (rule) => <Time at={rule.notAfter} /> },
    ...(may
      ? [
          {
            title: 'Act',
            cell: (rule: DeployRule) => (
              <Confirm
                label="End"
                ariaLabel={`End rule ${rule.name}`}
                title={`End rule ${rule.name}`}
                verb="End rule"
                size="xs"
                onConfirm={() => end.mutate(rule.id)}
              >
                <Text size="sm">
                  It asks for nothing any more, and what it began is stopped. Hosts keep their agents.
                </Text>
              </Confirm>
            ),
          },
        ]
      : []),
  ];
  return (
    <Stack>
      {open
        .filter(({ state }) => state === 'awaiting-approval')
        .map((rule) => (
          <ApproveRule key={rule.id} rule={rule} />
        ))}
      {end.error ? <Problem error={end.error} /> : null}
      <DataTable label="Rules" items={open} columns={columns} keyOf={(rule) => rule.id} minWidth={760} />
    </Stack>
  );
}

function approval(rule: DeployRule): string {
  if (!rule.standing) return 'each time';
  return rule.approvers.map(({ name }) => name).join(', ') || 'nobody yet';
}

function ApproveRule({ rule }: { rule: DeployRule }) {
  const plan = useRulePlan(rule, true);
  const asks = {
    id: rule.id,
    state: rule.state,
    author: rule.author,
    approvals: rule.approvers.map(({ keyId }) => ({ statement: { keyId } })),
    approvalsRequired: plan.data?.plan.approvalsRequired ?? 1,
  };
  const approving = useApproval(asks, plan, useApproveRule(rule.id));
  return (
    <Stack gap="xs">
      {plan.data ? <Says rule={plan.data.plan} /> : null}
      <Approve
        asks={asks}
        approval={approving}
        what="rule"
        command={`lastember deploy-rule approve ${rule.name} --key FILE`}
      />
    </Stack>
  );
}

/** All that a signature of it stands for, from the text that is signed. */
function Says({
  rule,
}: {
  rule: Pick<DeployRule, 'name' | 'where' | 'agentless' | 'redeploy' | 'credentials' | 'most' | 'hours' | 'notAfter'>;
}) {
  const logins = rule.credentials.join(', ') || 'those that may be tried unnamed';
  return (
    <Text size="sm">
      Rule <b>{rule.name}</b>: every new host of <b>{rule.where.join(', ')}</b>
      {rule.redeploy ? ', and those whose agent vanished,' : ''}{' '}
      {rule.agentless ? 'is looked after over SSH' : 'gets the agent, which runs as root'}; logins: {logins}; at most{' '}
      {rule.most} hosts in 24 hours, {rule.hours ? `between ${rule.hours} UTC` : 'at any hour'}; until{' '}
      <Time at={rule.notAfter} />.
    </Text>
  );
}
