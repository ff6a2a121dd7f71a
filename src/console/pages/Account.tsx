import { Alert, Button, Paper, PasswordInput, Stack, Table, Text, Title } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { forgetKey, storedKeys } from '../api/approval.ts';
import { useChangePassword, useMe } from '../api/hooks.ts';
import { Confirm } from '../components/Confirm.tsx';
import { Loaded, Page, Problem } from '../components/Page.tsx';
import { paths } from '../paths.ts';

const SHORTEST = 12;

export function Account() {
  const me = useMe().data;
  return (
    <Page title="Account" lead={me ? `${me.name}, ${me.role}` : null}>
      <ChangePassword name={me?.name ?? ''} />
      <Keys />
    </Page>
  );
}

function ChangePassword({ name }: { name: string }) {
  const change = useChangePassword();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [current, setCurrent] = useState('');
  const [password, setPassword] = useState('');
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    // Somebody who came by the one-time link has no password yet.
    const body = current === '' ? { password } : { current, password };
    change.mutate(body, {
      onSuccess: () => {
        queries.clear();
        void navigate({ to: paths.signIn() });
      },
    });
  };
  return (
    <Paper withBorder p="lg" maw={480}>
      <form onSubmit={submit}>
        <Stack>
          <Title order={2} size="h4">
            Password
          </Title>
          <input type="hidden" name="username" value={name} autoComplete="username" readOnly />
          <PasswordInput
            label="Password now"
            description="Empty if you never set one"
            value={current}
            onChange={(event) => setCurrent(event.currentTarget.value)}
            autoComplete="current-password"
          />
          <PasswordInput
            label="New password"
            description={`At least ${SHORTEST} characters`}
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            autoComplete="new-password"
          />
          {change.error ? <Problem error={change.error} /> : null}
          <Text size="sm" c="dimmed">
            This ends all your sessions; you then sign in with the new password.
          </Text>
          <Button type="submit" loading={change.isPending} disabled={password.length < SHORTEST}>
            Set password
          </Button>
        </Stack>
      </form>
    </Paper>
  );
}

/** Approver keys that this browser keeps; they cannot be read out of it, only forgotten. */
function Keys() {
  const queries = useQueryClient();
  const keys = useQuery({ queryKey: ['browser-keys'], queryFn: storedKeys });
  const forget = (keyId: string): void =>
    void forgetKey(keyId).then(() => queries.invalidateQueries({ queryKey: ['browser-keys'] }));
  return (
    <Paper withBorder p="lg" maw={480}>
      <Title order={2} size="h4" mb="sm">
        Approver keys in this browser
      </Title>
      <Loaded query={keys}>
        {(items) =>
          items.length === 0 ? (
            <Alert color="gray">
              None. You choose your key file when you approve a change; it stays in this browser and is never sent.
            </Alert>
          ) : (
            <Table>
              <Table.Tbody>
                {items.map(({ keyId }) => (
                  <Table.Tr key={keyId}>
                    <Table.Td className="mono">{keyId}</Table.Td>
                    <Table.Td ta="right">
                      <Confirm
                        label="Forget"
                        ariaLabel={`Forget ${keyId}`}
                        title={`Forget key ${keyId}?`}
                        verb="Forget it"
                        color="red"
                        size="compact-sm"
                        onConfirm={() => forget(keyId)}
                      >
                        <Text size="sm">
                          This browser can then no longer sign with it. The key file stays where you keep it, and you
                          choose it again for your next approval.
                        </Text>
                      </Confirm>
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          )
        }
      </Loaded>
    </Paper>
  );
}
