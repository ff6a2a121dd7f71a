import { Button, List, Text } from '@mantine/core';
import type { UseMutationResult } from '@tanstack/react-query';
import { MAY, type Role } from '../../model/actor.ts';
import type { Change } from '../../model/change.ts';
import type { Plan } from '../../model/plan.ts';
import { useMe, usePlan, type ChangeAction } from '../api/hooks.ts';
import { actionsOf, ASKS, LABEL } from './change-asks.ts';
import { Confirm } from './Confirm.tsx';

interface Props {
  change: Change;
  act: UseMutationResult<unknown, Error, ChangeAction>;
}

/** What an operator can do with a change now; what cannot be taken back asks first. */
export function ChangeActions({ change, act }: Props) {
  const me = useMe().data;
  const plan = usePlan(change).data?.plan ?? null;
  if (!me || !(MAY.operate as readonly Role[]).includes(me.role)) return null;
  return actionsOf(change.state).map((action) => (
    <Action key={action} action={action} change={change} plan={plan} act={act} />
  ));
}

function Action({ action, change, plan, act }: Props & { action: ChangeAction; plan: Plan | null }) {
  const loading = act.isPending && act.variables === action;
  const ask = ASKS[action];
  if (!ask) {
    return (
      <Button variant={action === 'resume' ? 'filled' : 'default'} loading={loading} onClick={() => act.mutate(action)}>
        {LABEL[action]}
      </Button>
    );
  }
  const lines = ask.says(change, plan);
  return (
    <Confirm
      label={LABEL[action]}
      title={ask.title}
      verb={ask.verb}
      loading={loading}
      variant={action === 'run' ? 'filled' : 'default'}
      onConfirm={() => act.mutate(action)}
      {...(ask.destroys ? { color: 'red.9' } : {})}
    >
      {lines.length === 1 ? (
        <Text size="sm">{lines[0]}</Text>
      ) : (
        <List size="sm" spacing={4}>
          {lines.map((line) => (
            <List.Item key={line}>{line}</List.Item>
          ))}
        </List>
      )}
    </Confirm>
  );
}
