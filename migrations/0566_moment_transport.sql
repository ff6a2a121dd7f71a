-- 53/udp that went is not 53/tcp that went.
alter table discovery.moment add column transport text check (transport in ('tcp', 'udp'));

create or replace function discovery.note_endpoint() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  insert into discovery.moment (at, kind, host_id, address, port, transport, service)
  values (case new.state when 'open' then new.last_seen else coalesce(new.missed_since, now()) end,
    case new.state when 'open' then 'port-back' else 'port-closed' end, new.host_id, new.address, new.port, new.transport,
    new.service);
  return null;
end $$;
