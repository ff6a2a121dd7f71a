-- `away`: it did not ask since it was offered the program; `superseded`: another update came for it; `handed_at`: when an agent was last told of the offer.
alter table enrollment.agent_update_host add column handed_at timestamptz;
alter table enrollment.agent_update_host drop constraint agent_update_host_state_check;
alter table enrollment.agent_update_host add constraint agent_update_host_state_check
  check (state in ('waiting', 'offered', 'away', 'done', 'failed', 'superseded'));
drop index enrollment.agent_update_offered;
create index agent_update_offered on enrollment.agent_update_host (agent_id) where state in ('offered', 'away');
create index agent_update_open on enrollment.agent_update_host (update_id) where state = 'offered';
