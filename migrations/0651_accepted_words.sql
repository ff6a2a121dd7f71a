-- What an exception for an advisory says to whoever reads the estate's VEX: why the risk is taken, what stands in its way
-- meanwhile, and since when. Those from before get it at the next sweep of exceptions.
alter table audit.accepted add column reason text;
alter table audit.accepted add column control text;
alter table audit.accepted add column accepted_at timestamptz;
