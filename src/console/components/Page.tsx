import { Alert, Center, Group, Loader, Stack, Text, Title } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useEffect, type ReactNode } from 'react';
import { Unreachable } from '../../client/client.ts';

export function Page({
  title,
  lead,
  actions,
  children,
}: {
  title: string;
  lead?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  useEffect(() => {
    document.title = `${title} · Lastember`;
  }, [title]);
  return (
    <Stack gap="lg" className="page">
      <Group justify="space-between" align="flex-start" gap="sm">
        <div>
          <Title order={1} size="h2">
            {title}
          </Title>
          {lead ? (
            <Text c="dimmed" size="sm" mt={4} className="lead">
              {lead}
            </Text>
          ) : null}
        </div>
        {actions ? <Group gap="xs">{actions}</Group> : null}
      </Group>
      {children}
    </Stack>
  );
}

/** What went wrong, and what to do: the server's own words. */
export function Problem({ error }: { error: unknown }) {
  return (
    <Alert color="red" icon={<IconAlertTriangle aria-hidden />} title="This did not work" role="alert">
      {inWords(error)}
    </Alert>
  );
}

function inWords(error: unknown): string {
  if (error instanceof Unreachable) return 'The server does not answer. Try again in a moment.';
  return error instanceof Error ? error.message : String(error);
}

export function Empty({ title, hint }: { title: string; hint: ReactNode }) {
  return (
    <Center py="xl">
      <Stack align="center" gap={4} maw={460}>
        <Text fw={600}>{title}</Text>
        <Text c="dimmed" size="sm" ta="center">
          {hint}
        </Text>
      </Stack>
    </Center>
  );
}

interface Asked<T> {
  data: T | undefined;
  isError: boolean;
  error: unknown;
}

/** Loading, error or the data: every page's first decision, in one place. */
export function Loaded<T>({ query, children }: { query: Asked<T>; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.isError) return <Problem error={query.error} />;
  return (
    <Center py="xl">
      <Loader role="status" aria-label="Loading" />
    </Center>
  );
}
