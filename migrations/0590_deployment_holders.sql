-- Whoever carries a deployment out, or is at a host of it, by name: one that was away for a minute must not hold on to, nor
-- give free, what another has taken over since.
alter table enrollment.deployment_run add column held_by text;
alter table enrollment.deployment_host add column claimed_by text;
