import { Alert, Button, FileButton, Group, Select, Stack, Text } from '@mantine/core';
import { IconSignature } from '@tabler/icons-react';
import type { Change } from '../../model/change.ts';
import { useApproval } from '../api/use-approval.ts';
import { Digest } from './Badges.tsx';
import { Problem } from './Page.tsx';

/** Signs, in this browser, the digest of the plan that is shown below. The key never leaves it. */
export function Approve({ change }: { change: Change }) {
  const approval = useApproval(change);
  if (change.state !== 'awaiting-approval' || !change.planDigest) return null;
  const command = <code>lastember change approve {change.id} --key FILE</code>;
  if (approval.isAuthor) {
    return (
      <Alert color="yellow" title="Waiting for someone else">
        Nobody approves a change of their own. An approver can sign it here or with {command}
      </Alert>
    );
  }
  return (
    <Alert
      color="ember"
      icon={<IconSignature aria-hidden />}
      title={`Waiting for approval: ${change.approvals.length} of ${change.approvalsRequired}`}
    >
      <Stack gap="sm">
        {approval.digest ? (
          <Text size="sm">
            Your signature covers exactly the plan below: this browser read it and computed its digest,{' '}
            <Digest value={approval.digest} length={16} />. Each host checks that before it does anything.
          </Text>
        ) : null}
        <Signing approval={approval} />
        <Text size="xs" c="dimmed">
          Or on the command line: {command}
        </Text>
        {approval.problem ? <Problem error={approval.problem} /> : null}
      </Stack>
    </Alert>
  );
}

function Signing({ approval }: { approval: ReturnType<typeof useApproval> }) {
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
        <Button onClick={approval.sign} loading={approval.pending} disabled={!approval.allowed}>
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
