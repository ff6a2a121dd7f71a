-- Every minute it is looked for tasks over SSH that are under way, and for one host whether it has some.
create index task_over_ssh on change.task (host_id) where over = 'ssh' and state in ('running', 'rolling-back');
