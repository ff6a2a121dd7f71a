import { Anchor } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { paths } from '../paths.ts';

/** Underlined, as it stands in sentences; `alone` where nothing but its colour is needed to tell it from text. */
export function HostLink({ id, name, alone }: { id: string; name: string; alone?: boolean }) {
  return (
    <Anchor
      component={Link}
      to={paths.host(id)}
      inherit
      underline={alone ? 'hover' : 'always'}
      style={{ overflowWrap: 'anywhere' }}
    >
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
