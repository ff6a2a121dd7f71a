-- Whether an owner's tags changed is asked each minute: of the hosts that matter, and not of all.
create index host_system_important on audit.host_system (host_id) where important;
