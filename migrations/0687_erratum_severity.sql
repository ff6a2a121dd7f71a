-- How bad a vulnerability is may be the word of an advisory that is told of under it: which one; null: what feeds say of
-- itself. Those that such an advisory names are counted anew, by timer.
alter table audit.vulnerability add column severity_by text;
create index match_bundled on audit.match (advisory) where verdict = 'bundled' and until is null;
insert into audit.recount (lists, advisories)
select '{}', array_agg(distinct named) from audit.match m
join audit.statement s on s.advisory = m.advisory cross join jsonb_array_elements_text(s.body -> 'aliases') named
where m.verdict = 'bundled' and m.until is null having count(*) > 0;
