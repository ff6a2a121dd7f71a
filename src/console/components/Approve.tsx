import { Alert, Button, FileButton, Group, Select, Stack, Text } from '@mantine/core';
import { IconSignature } from '@tabler/icons-react';
import type { Change } from '../../model/change.ts';
import { useApproval, type NotYou } from '../api/use-approval.ts';
import { Digest } from './Badges.tsx';
import './failed.css';
import { Problem } from './Page.tsx';

type Approval = ReturnType<typeof useApproval>;

/** Signs, in this browser, the digest of the plan that is shown below. The key never leaves it. */
export function Approve({ change }: { change: Change }) {
  const approval = useApproval(change);
  if (change.state !== 'awaiting-approval' || !change.planDigest) return null;
  const { notYou } = approval;
  return (
    <Alert
      color={notYou === null ? 'ember' : 'yellow'}
      icon={<IconSignature aria-hidden />}
      title={`Waiting for approval: ${change.approvals.length} of ${change.approvalsRequired}`}
    >
      {notYou === null ? <Signing approval={approval} id={change.id} /> : <Others why={notYou} approval={approval} />}
    </Alert>
  );
}

const WHY: Record<NonNullable<NotYou>, string> = {
  author: 'You asked for this change, and nobody approves a change of their own.',
  role: 'does not approve changes.',
  done: 'You have approved it. One more person is needed.',
};

function Others({ why, approval }: { why: NonNullable<NotYou>; approval: Approval }) {
  const { others, role } = approval;
  return (
    <Stack gap={4}>
      <Text size="sm">{why === 'role' ? `Your role (${role}) ${WHY.role}` : WHY[why]}</Text>
      <Text size="sm">
        {others.length > 0 ? (
          <>
            With a key of their own can approve: <b>{others.join(', ')}</b>.
          </>
        ) : (
          <>
            Nobody else holds an approver key yet. An approver makes one with <code>lastember key new NAME</code>.
          </>
        )}
      </Text>
    </Stack>
  );
}

function Signing({ approval, id }: { approval: Approval; id: string }) {
  return (
    <Stack gap="sm">
      {approval.digest ? (
        <Text size="sm">
          Your signature covers exactly the plan below: this browser read it and computed its digest,{' '}
          <Digest value={approval.digest} length={16} />. Each host checks that before it does anything.
        </Text>
      ) : null}
      <Keys approval={approval} />
      {approval.foreign ? (
        <Text size="sm" className="failed">
          Key {approval.key?.keyId} is not registered as yours, so its signature would be refused.
        </Text>
      ) : null}
      <Text size="xs" c="dimmed">
        Or on the command line: <code>lastember change approve {id} --key FILE</code>
      </Text>
      {approval.problem ? <Problem error={approval.problem} /> : null}
    </Stack>
  );
}

function Keys({ approval }: { approval: Approval }) {
  const { key, keyIds } = approval;
  return (
    <Group align="flex-end" gap="sm">
      {keyIds.length > 1 ? (
        <Select
          label="Key"
          data={keyIds}
          value={key?.keyId ?? null}
          onChange={approval.pick}
          allowDeselect={false}
          w={210}
        />
      ) : null}
      {key ? (
        <Button
          onClick={approval.sign}
          loading={approval.pending}
          disabled={!approval.digest || !approval.allowed || approval.foreign}
          h="auto"
          mih={36}
          styles={{ label: { whiteSpace: 'normal' } }}
        >
          Approve and sign with {key.keyId}
        </Button>
      ) : null}
      <FileButton onChange={approval.addFile} accept=".pem,.key,application/x-pem-file">
        {(props) => (
          <Button {...props} variant={key ? 'default' : 'filled'}>
            {key ? 'Use another key file' : 'Choose your approver key file'}
          </Button>
        )}
      </FileButton>
    </Group>
  );
}
