-- Over which transport an endpoint answers; 53/tcp and 53/udp of one address are two.
alter table discovery.endpoint add column transport text not null default 'tcp' check (transport in ('tcp', 'udp'));
alter table discovery.endpoint drop constraint endpoint_host_id_address_port_key;
alter table discovery.endpoint add constraint endpoint_one_each unique (host_id, address, port, transport);
alter table discovery.scan_open add column transport text not null default 'tcp' check (transport in ('tcp', 'udp'));
alter table discovery.scan_open drop constraint scan_open_pkey;
alter table discovery.scan_open add primary key (scan_id, address, port, transport);
-- Which UDP ports are asked: `none`, `default` or a list.
alter table discovery.scope add column udp text not null default 'none';
alter table discovery.scan add column udp text not null default 'none';
