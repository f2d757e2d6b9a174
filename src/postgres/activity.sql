-- What the passes of some sources judged, found and repaired, over time.
-- $1 names of the sources (text[]), $2 how long to look back, $3 the length of a bucket (both in milliseconds).
-- Returns one row per source and bucket with a pass in it: source, bucket (0 is the oldest), judged, found (bad verdicts),
-- repaired (repairs applied), and the passes that did not complete.
-- Invariant kept: bounded by the time looked back, through the index on (source, started_at).
select p.source, width.bucket,
  coalesce(sum((p.report ->> 'checked')::float8), 0) as judged,
  coalesce(sum(bad.count), 0) as found,
  coalesce(sum((p.report -> 'repairs' ->> 'applied')::float8), 0) as repaired,
  count(*) filter (where p.outcome <> 'completed')::int as troubled
from (select date_trunc('milliseconds', now()) - $2 * interval '1 ms' as since) w
cross join unnest($1::text[]) as s (name)
join reconciler.pass p on p.source = s.name and p.started_at >= w.since
cross join lateral (
  -- A pass may have begun while this was asked for.
  select least(floor(extract(epoch from p.started_at - w.since) * 1000 / $3), $2 / $3 - 1)::int as bucket) width
cross join lateral (
  select sum(value::float8) as count from jsonb_each_text(p.report -> 'verdicts') where key <> 'consistent') bad
group by p.source, width.bucket
order by p.source, width.bucket
