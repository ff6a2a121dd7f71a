import { Alert, Group, Paper, Progress, Text, Title } from '@mantine/core';
import { useParams } from '@tanstack/react-router';
import { hostsOfUpdate, type AgentUpdate } from '../../model/enrollment.ts';
import { useAgentUpdate, useApproveAgentUpdate, useCancelAgentUpdate, useRelease } from '../api/agent-updates.ts';
import { isMissing } from '../api/missing.ts';
import { useApproval } from '../api/use-approval.ts';
import { AgentUpdateBadge, AgentUpdateHostBadge } from '../components/AgentUpdates.tsx';
import { Approve } from '../components/Approve.tsx';
import { Digest } from '../components/Badges.tsx';
import { Confirm } from '../components/Confirm.tsx';
import { DataTable, type Column } from '../components/DataTable.tsx';
import { useMayDeploy } from '../components/DeployHosts.tsx';
import { HostLink } from '../components/HostLink.tsx';
import { Loaded, Page, Problem } from '../components/Page.tsx';
import { Time } from '../components/Time.tsx';
import { paths } from '../paths.ts';
import { NoSuch } from './NotFound.tsx';

export function AgentUpdatePage() {
  const { id } = useParams({ strict: false });
  const update = useAgentUpdate(id!);
  if (isMissing(update.error)) return <NoSuch what="agent update" to={paths.deployments()} />;
  return <Loaded query={update}>{(data) => <View update={data} />}</Loaded>;
}

function View({ update }: { update: AgentUpdate }) {
  const { counts, hosts, state } = update;
  const over = counts.done + counts.failed;
  return (
    <Page title="Agent update" lead={<Lead update={update} />} actions={<Cancel update={update} />}>
      {update.why ? (
        <Alert color="orange" title="Why it ended">
          {update.why}
        </Alert>
      ) : null}
      {state === 'awaiting-approval' ? <Waiting update={update} /> : null}
      <Paper withBorder p="lg">
        <Group justify="space-between" mb="sm">
          <Title order={2} size="h4">
            Hosts
          </Title>
          <AgentUpdateBadge state={state} counts={counts} />
        </Group>
        {state === 'running' ? (
          <Progress
            value={(over / hostsOfUpdate(update)) * 100}
            mb="sm"
            aria-label={`${over} of ${hostsOfUpdate(update)} hosts`}
          />
        ) : null}
        <DataTable label="Hosts" items={hosts} columns={COLUMNS} keyOf={(host) => host.agentId} minWidth={560} />
      </Paper>
    </Page>
  );
}

function Lead({ update: { createdAt, authorName, version, program, approvals } }: { update: AgentUpdate }) {
  return (
    <>
      Asked <Time at={createdAt} /> by {authorName}: version {version}, program <Digest value={program} length={16} />
      {approvals.length > 0 ? `; approved by ${approvals.map(({ name }) => name).join(', ')}` : ''}
    </>
  );
}

function Cancel({ update }: { update: AgentUpdate }) {
  const cancel = useCancelAgentUpdate(update.id);
  const isOver = !['awaiting-approval', 'running'].includes(update.state);
  if (!useMayDeploy() || isOver) return null;
  return (
    <>
      {cancel.error ? <Problem error={cancel.error} /> : null}
      <Confirm
        label="Cancel"
        title="Cancel this update"
        verb="Cancel update"
        loading={cancel.isPending}
        onConfirm={() => cancel.mutate(undefined)}
      >
        <Text size="sm">No further host gets this program. Those that have it keep it.</Text>
      </Confirm>
    </>
  );
}

function Waiting({ update }: { update: AgentUpdate }) {
  const release = useRelease(update);
  const approvals = update.approvals.map(({ keyId }) => ({ statement: { keyId } }));
  const asks = { ...update, approvals };
  const approval = useApproval(asks, release, useApproveAgentUpdate(update.id));
  return (
    <>
      <Approve
        asks={asks}
        approval={approval}
        what="update"
        command={`lastember agent approve ${update.id} --key FILE`}
      />
      {release.error ? <Problem error={release.error} /> : null}
      {release.data ? (
        <Paper withBorder p="lg">
          <Title order={2} size="h4" mb="sm">
            What will be done
          </Title>
          <Text size="sm">
            The agents below get version {release.data.plan.version}, one first and then in waves. Each checks this
            signature, and takes the program back by itself when it does not reach the server. Good until{' '}
            <Time at={release.data.plan.notAfter} />.
          </Text>
        </Paper>
      ) : null}
    </>
  );
}

const COLUMNS: Column<AgentUpdate['hosts'][number]>[] = [
  { title: 'Host', min: 140, cell: (host) => <HostLink id={host.hostId} name={host.hostName} alone /> },
  { title: 'Wave', end: true, cell: (host) => host.wave + 1 },
  { title: 'State', cell: (host) => <AgentUpdateHostBadge state={host.state} /> },
  { title: 'Why', min: 220, cell: (host) => host.why ?? '–' },
];
