-- One look at the state of some sources: one statement, so that everything in it is of one moment.
-- $1 names of the sources (text[]), $2 the most open discrepancies that are counted per source, $3 the most characters
-- of any text that comes from claims or markers.
-- Returns one row with one column `overview` (json): the shape is `Overview` in overview.ts, without what configuration
-- knows. Invariant kept: every list and every count has a limit and is read through an index, however much is wrong
-- (`between` rather than `=` for passes: with `=` the planner may walk the passes of all sources backwards by id).
select json_build_object(
  'readAt', clock_timestamp(),
  'sources', (
    select coalesce(json_agg(json_build_object(
      'name', s.name,
      'checkpoint', (
        select json_build_object('changeXid', c.change_xid::text, 'id', left(c.id, $3),
          'value', left(c.position, $3), 'movedAt', c.updated_at,
          'ageMs', extract(epoch from clock_timestamp() - greatest(c.updated_at, lately.confirmed_at)) * 1000)
        from reconciler.checkpoint c where c.source = s.name),
      'horizon', lately.horizon,
      'brake', coalesce((
        select json_build_object('reason', b.reason, 'changedAt', b.changed_at, 'changedBy', b.changed_by,
          'liftedUntil', b.lifted_until,
          'state', case when b.state = 'lifted' and b.lifted_until <= clock_timestamp() then 'armed' else b.state end)
        from reconciler.brake b where b.source = s.name),
        json_build_object('state', 'armed', 'reason', null, 'changedAt', null, 'changedBy', null, 'liftedUntil', null)),
      'openByVerdict', (
        select coalesce(json_object_agg(verdict, counted), '{}') from (
          select verdict, count(*) as counted from (
            select d.verdict from reconciler.discrepancy d where d.source = s.name and d.state = 'open' limit $2
          ) few group by verdict order by verdict) counts),
      'discrepancies', (
        select coalesce(json_agg(found), '[]') from (
          select d.id::text, left(d.subject, $3) as subject, left(d.claim_id, $3) as "claimId", d.verdict,
            left(d.marker_key, $3) as "markerKey", d.committed_after as "committedAfter",
            d.first_seen_at as "firstSeenAt", d.last_seen_at as "lastSeenAt",
            d.next_check_at as "nextCheckAt", d.checks, d.held
          from reconciler.discrepancy d where d.source = s.name and d.state = 'open'
          order by d.next_check_at desc limit 10) found),
      'oldestOpenMs', (
        select extract(epoch from clock_timestamp() - d.first_seen_at) * 1000
        from reconciler.discrepancy d where d.source = s.name and d.state = 'open' order by d.first_seen_at limit 1),
      'consistency', (
        select json_build_object('judged', hour.judged, 'within', json_build_object(
          '1m', greatest(0, 1 - count(*) filter (where lasted > interval '1 minute')::float8 / hour.judged),
          '5m', greatest(0, 1 - count(*) filter (where lasted > interval '5 minutes')::float8 / hour.judged),
          '15m', greatest(0, 1 - count(*) filter (where lasted > interval '15 minutes')::float8 / hour.judged)))
        from (
          select case when d.resolution is distinct from 'ignored'
              then coalesce(d.resolved_at, clock_timestamp()) - coalesce(d.committed_after, d.first_seen_at) end as lasted
          from reconciler.discrepancy d where d.source = s.name and d.state = any (array['open', 'resolved'])
            and d.first_seen_at >= hour.since limit $2) found
        having hour.judged > 0),
      'reports', (
        select json_build_object('unjudged', count(*),
          'oldestMs', extract(epoch from clock_timestamp() - min(reported_at)) * 1000)
        from (
          select r.reported_at from reconciler.report r
          where r.source = s.name and r.judged_at is null order by r.id limit 1000) few),
      'passes', (
        select coalesce(json_agg(pass), '[]') from (
          select p.id::text, p.asked_by as "askedBy", p.mode, p.started_at as "startedAt", p.ended_at as "endedAt",
            p.outcome, left(p.report ->> 'reason', $3) as reason, p.report -> 'checked' as checked,
            p.report -> 'verdicts' as verdicts, p.report -> 'repairs' as repairs,
            p.report -> 'durationMs' as "durationMs"
          from reconciler.pass p where p.source between s.name and s.name order by p.source, p.id desc limit 5) pass),
      'repairs', (
        select coalesce(json_agg(made), '[]') from (
          select r.id::text, left(d.claim_id, $3) as "claimId", d.verdict, r.action, r.outcome,
            left(r.marker_key, $3) as "markerKey", was.marker as before, became.marker as after,
            left(r.note, $3) as note, r.done_by as "doneBy", r.pass_id::text as "passId", r.undo_of::text as "undoOf",
            r.discrepancy_id::text as "discrepancyId", (select u.id::text from reconciler.repair u
              where u.undo_of = r.id and u.outcome in ('intended', 'applied')) as "undoneBy",
            r.intended_at as "intendedAt", r.ended_at as "endedAt"
          from reconciler.repair r join reconciler.discrepancy d on d.id = r.discrepancy_id,
            lateral (select json_build_object('kind', m ->> 'kind', 'value', left(m ->> 'value', $3),
              'expiresInMs', m -> 'expiresInMs') as marker from (select r.before -> 'marker' as m) x) was,
            lateral (select case when m is not null then json_build_object('kind', m ->> 'kind',
              'value', left(m ->> 'value', $3), 'expiresInMs', m -> 'expiresInMs') end as marker
              from (select r.after as m) x) became
          where r.source = s.name order by r.intended_at desc, r.id desc limit 10) made),
      'unfinished', (
        select coalesce(json_agg(begun), '[]') from (
          select r.id::text, r.action, left(r.marker_key, $3) as "markerKey", r.done_by as "doneBy",
            r.intended_at as "intendedAt"
          from reconciler.repair r where r.source = s.name and r.outcome = 'intended' order by r.id limit 10) begun),
      'unfinishedCount', (
        select count(*) from (
          select from reconciler.repair r where r.source = s.name and r.outcome = 'intended' limit 1000) few)
    ) order by s.n), '[]')
    from unnest($1::text[]) with ordinality as s (name, n),
      -- The newest passes that had a window (repairs by hand and aborted passes have none): when one of them last read
      -- it to its end, and the horizon that the newest of them read up to.
      lateral (
        select max(p.ended_at) filter (where p.outcome = 'completed' and p.report ->> 'horizon' <> '0') as confirmed_at,
          (array_agg(json_build_object('stalledBy', p.report ->> 'stalledBy',
            'ageMs', (p.report ->> 'horizonAgeMs')::float8
              + extract(epoch from clock_timestamp() - p.started_at) * 1000)
            order by p.id desc) filter (where p.report ->> 'horizon' <> '0'))[1] as horizon
        from (
          select * from reconciler.pass p where p.source between s.name and s.name order by p.source, p.id desc limit 200
        ) p) lately,
      -- Passes that ran within the last hour, one that began before it too: when the first of them began, and how many
      -- claims those with a report judged. Passes of a source never overlap.
      lateral (
        select coalesce(sum((p.report ->> 'checked')::bigint), 0) as judged, min(p.started_at) as since
        from (
          (select p.started_at, p.report from reconciler.pass p
           where p.source between s.name and s.name and p.started_at > clock_timestamp() - interval '1 hour'
           order by p.source desc, p.started_at desc limit 4000)
          union all
          (select p.started_at, p.report from (
             select * from reconciler.pass p
             where p.source between s.name and s.name and p.started_at <= clock_timestamp() - interval '1 hour'
             order by p.source desc, p.started_at desc limit 1) p
           where p.ended_at > clock_timestamp() - interval '1 hour')
        ) p) hour),
  'alertCounts', (
    select coalesce(json_agg(counts), '[]') from (
      select a.source, a.severity, count(*) as count
      from (select * from reconciler.alert where state <> 'resolved' limit 1000) a
      group by a.source, a.severity order by a.source, a.severity) counts),
  'alerts', (
    select coalesce(json_agg(alert), '[]') from (
      select a.id::text, a.kind, a.source, a.severity, left(a.summary, $3) as summary, a.state, a.seen,
        a.acknowledged_by as "acknowledgedBy",
        a.opened_at as "openedAt", a.last_seen_at as "lastSeenAt"
      from (select * from reconciler.alert where state <> 'resolved' limit 1000) a
      order by array_position(array['critical', 'warning', 'info'], a.severity), a.opened_at desc limit 20) alert)
)::text as overview
