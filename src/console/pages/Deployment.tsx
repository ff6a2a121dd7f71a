import { Alert, Button, Group, Paper, Progress, Text, Title } from '@mantine/core';
import { useNavigate, useParams } from '@tanstack/react-router';
import type { Deployment, DeploymentHost, DeploymentPlan } from '../../model/deployment.ts';
import {
  useApproveDeployment,
  useCancelDeployment,
  useCreateDeployment,
  useDeployment,
  useDeploymentPlan,
} from '../api/deployments.ts';
import { isMissing } from '../api/missing.ts';
import { useApproval } from '../api/use-approval.ts';
import { Approve } from '../components/Approve.tsx';
import { Confirm } from '../components/Confirm.tsx';
import { DataTable, type Column } from '../components/DataTable.tsx';
import { useMayDeploy } from '../components/DeployHosts.tsx';
import { DeploymentBadge, DeploymentHostBadge } from '../components/DeploymentBadge.tsx';
import { HostLink } from '../components/HostLink.tsx';
import { Loaded, Page, Problem } from '../components/Page.tsx';
import { Time } from '../components/Time.tsx';
import { paths } from '../paths.ts';
import { NoSuch } from './NotFound.tsx';

export function DeploymentPage() {
  const { id } = useParams({ strict: false });
  const deployment = useDeployment(id!);
  if (isMissing(deployment.error)) return <NoSuch what="deployment" to={paths.deployments()} />;
  return <Loaded query={deployment}>{(data) => <View deployment={data} />}</Loaded>;
}

function View({ deployment }: { deployment: Deployment }) {
  const { hosts, state } = deployment;
  return (
    <Page title="Deployment" lead={<Lead deployment={deployment} />} actions={<Actions deployment={deployment} />}>
      {deployment.why ? (
        <Alert color="orange" title="Why it ended">
          {deployment.why}
        </Alert>
      ) : null}
      {state === 'awaiting-approval' ? <Waiting deployment={deployment} /> : null}
      <Paper withBorder p="lg">
        <Group justify="space-between" mb="sm">
          <Title order={2} size="h4">
            Hosts
          </Title>
          <DeploymentBadge state={state} hosts={hosts} />
        </Group>
        {state === 'running' ? <Bar hosts={hosts} /> : null}
        <DataTable
          label="Hosts"
          items={hosts}
          columns={columnsFor(hosts)}
          keyOf={(host) => host.hostId}
          minWidth={640}
        />
      </Paper>
    </Page>
  );
}

function Lead({
  deployment: { createdAt, createdBy, rule, notBefore, notAfter, approvers, agentless },
}: {
  deployment: Deployment;
}) {
  return (
    <>
      Asked <Time at={createdAt} /> by {createdBy}
      {rule ? ', by a rule' : ''}
      {agentless ? '; over SSH, without agents' : ''}
      {approvers.length > 0 ? `; approved by ${approvers.map(({ name }) => name).join(', ')}` : ''}
      {notBefore ? (
        <>
          ; from <Time at={notBefore} />
        </>
      ) : null}
      {notAfter ? (
        <>
          {' '}
          until <Time at={notAfter} />
        </>
      ) : null}
    </>
  );
}

function Actions({ deployment }: { deployment: Deployment }) {
  const cancel = useCancelDeployment(deployment.id);
  const again = useCreateDeployment();
  const navigate = useNavigate();
  if (!useMayDeploy()) return null;
  const isOver = deployment.state === 'done' || deployment.state === 'cancelled';
  const left = deployment.hosts.filter(({ state }) => state === 'failed' || state === 'stopped').length;
  const retry = (): void =>
    again.mutate({ retryOf: deployment.id }, { onSuccess: ({ id }) => void navigate({ to: paths.deployment(id) }) });
  return (
    <>
      {cancel.error || again.error ? <Problem error={cancel.error ?? again.error} /> : null}
      {isOver && left > 0 ? (
        <Button loading={again.isPending} onClick={retry}>
          Retry what is left ({left})
        </Button>
      ) : null}
      {isOver ? null : (
        <Confirm
          label="Cancel"
          title="Cancel this deployment"
          verb="Cancel deployment"
          loading={cancel.isPending}
          onConfirm={() => cancel.mutate(undefined)}
        >
          <Text size="sm">No further host is begun with. Where somebody is at it, it is brought to its end.</Text>
        </Confirm>
      )}
    </>
  );
}

function Waiting({ deployment }: { deployment: Deployment }) {
  const plan = useDeploymentPlan(deployment);
  const asks = {
    ...deployment,
    approvals: deployment.approvers.map(({ keyId }) => ({ statement: { keyId } })),
  };
  const approval = useApproval(asks, plan, useApproveDeployment(deployment.id));
  return (
    <>
      <Approve
        asks={asks}
        approval={approval}
        what="deployment"
        command={`lastember deployment approve ${deployment.id} --key FILE`}
      />
      {plan.error ? <Problem error={plan.error} /> : null}
      {plan.data ? <Planned plan={plan.data.plan} /> : null}
    </>
  );
}

/** All that a signature stands for, from the text that is signed. */
function Planned({ plan }: { plan: DeploymentPlan }) {
  return (
    <Paper withBorder p="lg">
      <Title order={2} size="h4" mb="sm">
        What will be done
      </Title>
      <Text size="sm">
        {plan.agentless ? 'These hosts are looked after over SSH' : 'The agent, which runs as root, is installed'};
        logins: {plan.credentials.join(', ')}
        {plan.force ? '; also where there is an agent, with a new identity' : ''}
        {plan.acceptHostKey ? '; new SSH host keys are taken as they are' : ''}; between <Time at={plan.notBefore} />{' '}
        and <Time at={plan.notAfter} />; {plan.concurrency} at a time; it ends when it broke half-way on more than{' '}
        {plan.maxFailed}.
      </Text>
      {[...Map.groupBy(plan.hosts, ({ wave }) => wave)].map(([wave, hosts]) => (
        <Text key={wave} size="sm" mt="xs">
          <b>Wave {wave + 1}:</b> {hosts.map(({ name, addresses }) => `${name} (${addresses.join(', ')})`).join(', ')}
        </Text>
      ))}
    </Paper>
  );
}

function Bar({ hosts }: { hosts: readonly DeploymentHost[] }) {
  const over = hosts.filter(({ state }) => state !== 'waiting' && state !== 'running').length;
  return <Progress value={(over / hosts.length) * 100} mb="sm" aria-label={`${over} of ${hosts.length} hosts`} />;
}

function columnsFor(hosts: readonly DeploymentHost[]): Column<DeploymentHost>[] {
  const hasWaves = hosts.some(({ wave }) => wave > 0);
  return [
    { title: 'Host', min: 140, cell: (host) => <HostLink id={host.hostId} name={host.hostName} alone /> },
    ...(hasWaves ? [{ title: 'Wave', end: true, cell: (host: DeploymentHost) => host.wave + 1 }] : []),
    { title: 'Result', cell: (host) => <DeploymentHostBadge state={host.state} /> },
    { title: 'Login', cell: (host) => host.credential ?? '–' },
    { title: 'Why', min: 220, cell: (host) => host.why ?? '–' },
  ];
}
