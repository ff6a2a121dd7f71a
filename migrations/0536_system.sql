-- What a host that reports says it runs: measured, so that it overrides what is guessed from outside.
alter table discovery.presence add column system text;
