import { Anchor } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { paths } from '../paths.ts';

export function HostLink({ id, name }: { id: string; name: string }) {
  return (
    <Anchor component={Link} to={paths.host(id)} inherit style={{ overflowWrap: 'anywhere' }}>
      {name}
    </Anchor>
  );
}

/** Names in a sentence, each a link. */
export function HostLinks({ hosts }: { hosts: readonly { hostId: string; hostName: string }[] }) {
  return (
    <>
      {hosts.map(({ hostId, hostName }, index) => (
        <span key={hostId}>
          {index > 0 ? ', ' : ''}
          <HostLink id={hostId} name={hostName} />
        </span>
      ))}
    </>
  );
}
