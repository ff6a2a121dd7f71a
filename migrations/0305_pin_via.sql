-- Behind two bastions the same address is two machines: a key is pinned with the bastion that leads to it; '' is none.
alter table enrollment.host_key add column via text not null default '';
alter table enrollment.host_key drop constraint host_key_pkey;
alter table enrollment.host_key add primary key (via, address, port);
