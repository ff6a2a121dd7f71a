-- Findings are counted by severity without reading what was seen of each: that is ten times as much.
create index finding_look_severity on audit.finding_look (finding_id) include (severity);
