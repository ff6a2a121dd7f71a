import { Button, Center, Paper, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { useLocation, useNavigate } from '@tanstack/react-router';
import { useEffect, useRef, useState, type FormEvent } from 'react';
import { useRedeemLink, useSignIn } from '../api/hooks.ts';
import { Problem } from '../components/Page.tsx';
import { ownPath, paths } from '../paths.ts';

/** Name and password, or the one-time link that `lastember up` printed (its code is in the address's fragment). */
export function SignIn() {
  const navigate = useNavigate();
  const signIn = useSignIn();
  const redeem = useRedeemLink();
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const code = useRef(new URLSearchParams(location.hash.slice(1)).get('code'));
  const from = useLocation({ select: ({ state }) => ownPath((state as { from?: unknown }).from, location.origin) });
  const nameField = useRef<HTMLInputElement>(null);
  const enter = (): void => void navigate({ href: from, replace: true });
  useEffect(() => nameField.current?.focus(), []);
  useEffect(() => {
    document.title = 'Sign in · Lastember';
    if (!code.current) return;
    const once = code.current;
    code.current = null;
    history.replaceState(null, '', location.pathname);
    redeem.mutate(once, { onSuccess: () => void navigate({ to: paths.overview() }) });
  }, [navigate, redeem]);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    signIn.mutate({ name, password }, { onSuccess: enter });
  };
  const error = signIn.error ?? redeem.error;
  return (
    <Center mih="100dvh" p="md" component="main">
      <Paper withBorder p="xl" w={380} maw="100%">
        <form onSubmit={submit}>
          <Stack>
            <div>
              <img src="/ember.svg" alt="" width={36} height={36} />
              <Title order={1} size="h3" mt="xs">
                Lastember
              </Title>
              <Text c="dimmed" size="sm">
                Nobody leaves before the last ember is out.
              </Text>
            </div>
            {error ? <Problem error={error} /> : null}
            <TextInput
              ref={nameField}
              label="Name"
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              autoComplete="username"
              required
              withAsterisk={false}
            />
            <PasswordInput
              label="Password"
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
              autoComplete="current-password"
              required
              withAsterisk={false}
            />
            <Button type="submit" loading={signIn.isPending || redeem.isPending}>
              Sign in
            </Button>
            <Text c="dimmed" size="xs">
              First time? Open the one-time link that <code>lastember up</code> printed.
            </Text>
          </Stack>
        </form>
      </Paper>
    </Center>
  );
}
