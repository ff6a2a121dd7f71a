import { Badge } from '@mantine/core';
import type { Deployment, DeploymentHost } from '../../model/deployment.ts';

const COLOR: Record<Deployment['state'], string> = {
  'awaiting-approval': 'orange',
  scheduled: 'blue',
  running: 'blue',
  done: 'green',
  cancelled: 'gray',
};
const HOST_COLOR: Record<DeploymentHost['state'], string> = {
  waiting: 'gray',
  running: 'blue',
  done: 'green',
  failed: 'red',
  stopped: 'yellow',
};

export function DeploymentBadge({ state, hosts }: Pick<Deployment, 'state' | 'hosts'>) {
  const isWhole = hosts.every((host) => host.state === 'done');
  return (
    <Badge color={state === 'done' && !isWhole ? 'yellow' : COLOR[state]} variant="light">
      {state.replace('-', ' ')}
    </Badge>
  );
}

export function DeploymentHostBadge({ state }: Pick<DeploymentHost, 'state'>) {
  return (
    <Badge color={HOST_COLOR[state]} variant="dot">
      {state}
    </Badge>
  );
}
