import { Button, Checkbox, Modal, MultiSelect, NumberInput, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { MAY, type Role } from '../../model/actor.ts';
import type { Host } from '../../model/estate.ts';
import { useCreateDeployment, useCredentials } from '../api/deployments.ts';
import { useMe } from '../api/hooks.ts';
import { paths } from '../paths.ts';
import { count } from './count.ts';
import { Problem } from './Page.tsx';

/** May whoever looks deploy agents? */
export function useMayDeploy(): boolean {
  const me = useMe().data;
  return me !== undefined && (MAY.operate as readonly Role[]).includes(me.role);
}

/** Installs agents on the hosts that were picked, now or once an approver has signed. */
export function DeployHosts({ hosts, done }: { hosts: readonly Host[]; done: () => void }) {
  const [open, modal] = useDisclosure();
  return (
    <>
      <Button onClick={modal.open} disabled={hosts.length === 0}>
        {hosts.length === 0 ? 'Deploy agents' : `Deploy to ${count(hosts.length, 'host')}`}
      </Button>
      <Modal opened={open} onClose={modal.close} title="Deploy agents" closeButtonProps={{ 'aria-label': 'Close' }}>
        {open ? <DeployForm hosts={hosts} done={done} /> : null}
      </Modal>
    </>
  );
}

const MOST_NAMED = 8;

export function DeployForm({ hosts, done }: { hosts: readonly Host[]; done: () => void }) {
  const credentials = useCredentials(true);
  const create = useCreateDeployment();
  const navigate = useNavigate();
  const [logins, setLogins] = useState<string[]>([]);
  const [agentless, setAgentless] = useState(false);
  const [ask, setAsk] = useState(false);
  const [wave, setWave] = useState<number | string>('');
  const submit = (): void =>
    create.mutate(
      {
        hostIds: hosts.map((host) => host.id),
        ...(logins.length > 0 ? { credentials: logins } : {}),
        ...(typeof wave === 'number' ? { wave } : {}),
        agentless,
        ask,
      },
      {
        onSuccess: ({ id }) => {
          done();
          void navigate({ to: paths.deployment(id) });
        },
      },
    );
  const rest = hosts.length - MOST_NAMED;
  return (
    <Stack>
      <Text size="sm">
        {hosts
          .slice(0, MOST_NAMED)
          .map((host) => host.name)
          .join(', ')}
        {rest > 0 ? ` and ${count(rest, 'more host')}` : ''}
      </Text>
      <MultiSelect
        label="Logins"
        description="Tried in this order. Without: keys, and passwords that are bound to where the host is."
        data={(credentials.data ?? []).map(({ name }) => name)}
        value={logins}
        onChange={setLogins}
        placeholder={logins.length === 0 ? 'All that may be tried' : ''}
        clearable
        data-autofocus
      />
      <NumberInput
        label="Hosts of a wave"
        description="Without: one wave for up to 25 hosts, else 5, 25, 125 …"
        value={wave}
        onChange={setWave}
        min={1}
        max={10_000}
        allowDecimal={false}
      />
      <Checkbox
        label="Install nothing: look after these hosts over SSH"
        checked={agentless}
        onChange={({ currentTarget }) => setAgentless(currentTarget.checked)}
      />
      <Checkbox
        label="Do nothing before an approver has signed"
        checked={ask}
        onChange={({ currentTarget }) => setAsk(currentTarget.checked)}
      />
      {create.error ? <Problem error={create.error} /> : null}
      <Button onClick={submit} loading={create.isPending}>
        {ask ? 'Ask for approval' : 'Deploy now'}
      </Button>
    </Stack>
  );
}
