import { Alert, Button, FileButton, Group, Select, Stack, Text } from '@mantine/core';
import { IconSignature } from '@tabler/icons-react';
import type { Change } from '../../model/change.ts';
import { useApproveChange, usePlan } from '../api/hooks.ts';
import { useApproval, type Approving, type Asks, type NotYou } from '../api/use-approval.ts';
import { Digest } from './Badges.tsx';
import './failed.css';
import { Problem } from './Page.tsx';

/** Signs, in this browser, the digest of the change's plan that is shown below. */
export function ApproveChange({ change }: { change: Change }) {
  const approval = useApproval(change, usePlan(change), useApproveChange(change.id));
  if (change.state !== 'awaiting-approval' || !change.planDigest) return null;
  return (
    <Approve
      asks={change}
      approval={approval}
      what="change"
      command={`lastember change approve ${change.id} --key FILE`}
    />
  );
}

interface Props {
  asks: Asks;
  approval: Approving;
  /** as people call it: change, deployment, rule */
  what: string;
  /** that does the same on the command line */
  command: string;
}

/** Signs, in this browser, the digest of what is shown below. The key never leaves it. */
export function Approve({ asks, approval, what, command }: Props) {
  const { notYou } = approval;
  return (
    <Alert
      color={notYou === null ? 'ember' : 'yellow'}
      icon={<IconSignature aria-hidden />}
      title={`Waiting for approval: ${asks.approvals.length} of ${asks.approvalsRequired}`}
    >
      {notYou === null ? (
        <Signing approval={approval} what={what} command={command} />
      ) : (
        <Others why={notYou} approval={approval} what={what} />
      )}
    </Alert>
  );
}

function whyNot(why: NonNullable<NotYou>, what: string, role: string | null): string {
  if (why === 'author') return `You asked for this ${what}, and nobody approves a ${what} of their own.`;
  return why === 'role' ? `Your role (${role}) does not approve.` : 'You have approved it. One more person is needed.';
}

function Others({ why, approval, what }: { why: NonNullable<NotYou>; approval: Approving; what: string }) {
  const { others, role } = approval;
  return (
    <Stack gap={4}>
      <Text size="sm">{whyNot(why, what, role)}</Text>
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

function Signing({ approval, what, command }: Pick<Props, 'approval' | 'what' | 'command'>) {
  return (
    <Stack gap="sm">
      {approval.digest ? (
        <Text size="sm">
          Your signature covers exactly the {what === 'change' ? 'plan' : what} below: this browser read it and computed
          its digest, <Digest value={approval.digest} length={16} />.{' '}
          {what === 'change'
            ? 'Each host checks that before it does anything.'
            : 'That is checked again before it begins.'}
        </Text>
      ) : null}
      <Keys approval={approval} />
      {approval.foreign ? (
        <Text size="sm" className="failed">
          Key {approval.key?.keyId} is not registered as yours, so its signature would be refused.
        </Text>
      ) : null}
      <Text size="xs" c="dimmed">
        Or on the command line: <code>{command}</code>
      </Text>
      {approval.problem ? <Problem error={approval.problem} /> : null}
    </Stack>
  );
}

function Keys({ approval }: { approval: Approving }) {
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
