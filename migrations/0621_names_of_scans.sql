-- Which of a scan's names led to which address when it was made: { address: [names] }.
alter table discovery.scan add column named jsonb not null default '{}';

-- Listeners that show other certificates to those who ask by name: looked through before one is revoked.
create index endpoint_named on discovery.endpoint (id) where probe ? 'named';
