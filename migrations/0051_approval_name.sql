-- The name that an approver went by when they approved; people may be renamed, a record may not.
alter table change.approval add column person_name text not null default '';
