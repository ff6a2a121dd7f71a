-- Contents go when no host has them any more, now or in its history.
create index section_history_by_content on audit.section_history (name, hash);
