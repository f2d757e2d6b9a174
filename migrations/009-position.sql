-- Sources whose table may not be altered are read by a column of its own (an id, a time) instead of a stamped one.
-- The column says where to look, within an overlap; the row's own xmin says what is new there: `change_xid` of such a
-- checkpoint is the transaction id below which all that was to be found is judged, `position` how far along the column that was.
-- Invariant: a sample's `value` is no greater than the column's greatest value when the sample's snapshot was taken.

alter table reconciler.checkpoint
  add column position_column text,
  add column position text,
  add check (position is null or position_column is not null);
comment on column reconciler.checkpoint.position_column is 'null: read by the stamped column';

alter table reconciler.horizon_sample
  add column source text,
  add column value text;
create index horizon_sample_source on reconciler.horizon_sample (source, snapshot_xmax) where source is not null;
