import {
  Button,
  Group,
  MultiSelect,
  NumberInput,
  Paper,
  PasswordInput,
  Select,
  Stack,
  TextInput,
  Title,
} from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { NoticeTopic, NotifierInput } from '../../model/notice.ts';
import { api } from '../api/client.ts';
import { Problem } from './Page.tsx';

const KINDS = [
  { value: 'email', label: 'Mailbox' },
  { value: 'chat', label: 'Chat (incoming hook)' },
  { value: 'webhook', label: 'Webhook (JSON)' },
];
const EMPTY = { name: '', url: '', key: '', smtp: '', from: '', to: '', user: '', password: '' };
type Fields = typeof EMPTY;

/** What was typed, as the API takes it. */
function inputOf(kind: string, fields: Fields, topics: string[], minutes: number): unknown {
  const { url, key, smtp, from, user, password } = fields;
  const to = fields.to.split(/[\s,]+/).filter((one) => one !== '');
  const channel =
    kind === 'email'
      ? { kind, smtp, from, to, ...(user ? { user, password } : {}) }
      : { kind, url, ...(kind === 'webhook' && key ? { key } : {}) };
  return { name: fields.name, channel, topics, gather: minutes * 60 };
}

/** One more hook, chat or mailbox. Secrets go to the vault and are not shown again. */
export function AddNotifier() {
  const queries = useQueryClient();
  const [kind, setKind] = useState('email');
  const [fields, setFields] = useState(EMPTY);
  const [topics, setTopics] = useState<string[]>(['unknown-host']);
  const [minutes, setMinutes] = useState<number | string>(15);
  const add = useMutation({
    mutationFn: async () => {
      const input = NotifierInput.safeParse(inputOf(kind, fields, topics, Number(minutes)));
      if (input.success) return api.addNotifier({ body: input.data });
      const issue = input.error.issues[0]!;
      throw new Error(`${String(issue.path.at(-1) ?? 'This')}: ${issue.message}.`);
    },
    onSuccess: () => {
      setFields(EMPTY);
      return queries.invalidateQueries({ queryKey: ['notifiers'] });
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    add.mutate();
  };
  const field = (name: keyof Fields) => ({
    value: fields[name],
    onChange: (event: { currentTarget: { value: string } }) => {
      const { value } = event.currentTarget;
      setFields((old) => ({ ...old, [name]: value }));
    },
    style: { flex: '1 1 200px' },
    autoComplete: 'off',
  });
  return (
    <Paper withBorder p="md">
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Title order={2} size="h4">
            Tell somebody
          </Title>
          <Group align="flex-start">
            <Select
              label="How"
              data={KINDS}
              value={kind}
              onChange={(value) => setKind(value ?? 'email')}
              allowDeselect={false}
              style={{ flex: '1 1 200px' }}
            />
            <TextInput label="Name" required {...field('name')} />
          </Group>
          {kind === 'email' ? (
            <>
              <Group align="flex-start">
                <TextInput label="To" required placeholder="ops@example.org" {...field('to')} />
                <TextInput label="From" required placeholder="lastember@example.org" {...field('from')} />
              </Group>
              <Group align="flex-start">
                <TextInput label="Mail server" required placeholder="mail.example.org:587" {...field('smtp')} />
                <TextInput label="User" {...field('user')} />
                <PasswordInput label="Password" {...field('password')} />
              </Group>
            </>
          ) : (
            <Group align="flex-start">
              {kind === 'chat' ? (
                <PasswordInput label="URL of the hook" required {...field('url')} />
              ) : (
                <>
                  <TextInput label="URL" required placeholder="https://…" {...field('url')} />
                  <PasswordInput label="Key that signs" {...field('key')} />
                </>
              )}
            </Group>
          )}
          <Group align="flex-start">
            <MultiSelect
              label="Of what"
              data={NoticeTopic.options}
              value={topics}
              onChange={setTopics}
              style={{ flex: '3 1 260px' }}
            />
            <NumberInput
              label="Gather for at most, minutes"
              value={minutes}
              onChange={setMinutes}
              min={0}
              max={1440}
              style={{ flex: '1 1 160px' }}
            />
          </Group>
          {add.error ? <Problem error={add.error} /> : null}
          <Group justify="flex-end">
            <Button type="submit" loading={add.isPending} disabled={topics.length === 0}>
              Add
            </Button>
          </Group>
        </Stack>
      </form>
    </Paper>
  );
}
