-- Who was last seen with a certificate: asked before each revocation.
create index endpoint_by_serial on discovery.endpoint
  (upper(ltrim(replace(probe #>> '{chain,0,serial}', ':', ''), '0')));
-- Exposures follow their listener: asked at every judgement of a host.
create index exposure_by_endpoint on audit.exposure (endpoint);
-- Facts that are old are removed: found by their age, like what discovery keeps.
create index section_history_by_age on audit.section_history (at);
