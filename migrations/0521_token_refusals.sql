-- Why the last machine that showed this token was not taken: who waits for it has a reason to tell.
alter table enrollment.token add column refused_why text;
