import { Button, Modal, Select, Stack, Text, Textarea } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { MAY, type Role } from '../../model/actor.ts';
import { useCreateChange, useMe } from '../api/hooks.ts';
import { paths } from '../paths.ts';
import { Problem } from './Page.tsx';

/** Asks for a kit and a reason and has the planner make an immutable plan for all its open findings. */
export function PlanChange({ kits }: { kits: string[] }) {
  const me = useMe().data;
  return me && (MAY.operate as readonly Role[]).includes(me.role) ? <PlanForm kits={kits} /> : null;
}

function PlanForm({ kits }: { kits: string[] }) {
  const [open, modal] = useDisclosure();
  const [kit, setKit] = useState<string | null>(null);
  const [reason, setReason] = useState('');
  const create = useCreateChange();
  const navigate = useNavigate();
  const submit = (): void => {
    if (!kit) return;
    create.mutate(
      { kit, title: `Remediate ${kit}`, reason },
      { onSuccess: (change) => void navigate({ to: paths.change(change.id) }) },
    );
  };
  return (
    <>
      <Button onClick={modal.open} disabled={kits.length === 0}>
        Plan a change
      </Button>
      <Modal opened={open} onClose={modal.close} title="Plan a change" closeButtonProps={{ 'aria-label': 'Close' }}>
        <Stack>
          <Text size="sm" c="dimmed">
            The planner covers every open finding of the kit on managed hosts. Nothing runs before an approver signs.
          </Text>
          <Select label="Kit" data={kits} value={kit} onChange={setKit} data-autofocus />
          <Textarea
            label="Reason"
            description="Stands in the change record"
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
            autosize
            minRows={2}
          />
          {create.error ? <Problem error={create.error} /> : null}
          <Button onClick={submit} loading={create.isPending} disabled={!kit || reason.trim().length < 3}>
            Make the plan
          </Button>
        </Stack>
      </Modal>
    </>
  );
}
