-- What went away and came back. What appeared is written already (decision, endpoint.first_seen). One row a change, by
-- whatever path it comes: looking again and seeing the same writes nothing.
create table discovery.moment (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  kind text not null check (kind in ('offline', 'back', 'port-closed', 'port-back')),
  host_id text not null references discovery.host (id),
  address text,
  port integer,
  service text
);
create index moment_at on discovery.moment (at, id);
create index moment_by_host on discovery.moment (host_id, at);
create index decision_at on discovery.decision (at, id);
create index endpoint_first_seen on discovery.endpoint (first_seen);

create function discovery.note_presence() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  insert into discovery.moment (at, kind, host_id)
  values (coalesce(new.offline_since, new.last_seen), case when new.offline_since is null then 'back' else 'offline' end, new.host_id);
  return null;
end $$;
create trigger note_presence after update of offline_since on discovery.presence for each row
  when ((old.offline_since is null) <> (new.offline_since is null)) execute function discovery.note_presence();

create function discovery.note_endpoint() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  insert into discovery.moment (at, kind, host_id, address, port, service)
  values (case new.state when 'open' then new.last_seen else coalesce(new.missed_since, now()) end,
    case new.state when 'open' then 'port-back' else 'port-closed' end, new.host_id, new.address, new.port, new.service);
  return null;
end $$;
create trigger note_endpoint after update of state on discovery.endpoint for each row
  when (old.state is distinct from new.state) execute function discovery.note_endpoint();

insert into discovery.moment (at, kind, host_id)
  select offline_since, 'offline', host_id from discovery.presence where offline_since is not null;
insert into discovery.moment (at, kind, host_id, address, port, service)
  select coalesce(missed_since, last_seen), 'port-closed', host_id, address, port, service
  from discovery.endpoint where state = 'gone';
