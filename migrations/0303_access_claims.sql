-- A look is claimed by whoever takes it, so that no two are at one host; one that was asked for meanwhile is not forgotten.
alter table enrollment.access_look add column claimed_until timestamptz, add column asked_at timestamptz;
-- Whoever installs on a host says so again and again while at it: a job that runs twice does not install twice at once.
alter table enrollment.deployment_host add column claimed_until timestamptz;
