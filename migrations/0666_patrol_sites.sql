-- Two sites may use the same private addresses: the same subnet there is another one. Null: nobody measured the agent's host
-- in it yet, so it counts to the site of the scope that lets it look around.
alter table discovery.agent_subnet add column site text;
alter table discovery.patrol add column site text not null default 'local';
drop index discovery.patrol_one_a_block;
create unique index patrol_one_a_block on discovery.patrol (block, site) where state in ('ordered', 'running');
drop index discovery.patrol_recent;
create index patrol_recent on discovery.patrol (block, site, ordered_at desc);
