/**
 * Names whoever holds the horizon still: an open transaction anywhere in the cluster, or a prepared one left behind.
 * Invariant kept: a stalled horizon is named, never skipped. Works without privileges (a query text may be hidden).
 */
import type pg from 'pg';

/**
 * Who holds this horizon and what to do about it, such as `pid 77 (app_user, database shop, idle in transaction since
 * …): end its transaction, or select pg_terminate_backend(77)`. Null when nobody holds it any more.
 * @param horizon transaction id
 */
export async function nameStall(pool: pg.Pool, horizon: string): Promise<string | null> {
  const { rows } = await pool.query<{
    pid: number | null;
    usename: string | null;
    datname: string | null;
    application_name: string | null;
    state: string | null;
    since: string | null;
    gid: string | null;
    owner: string | null;
  }>(
    `select l.pid, a.usename, coalesce(a.datname, p.database) as datname, a.application_name, a.state,
       to_char(coalesce(a.xact_start, p.prepared), 'YYYY-MM-DD HH24:MI:SS"Z"') as since, p.gid, p.owner
     from pg_locks l
     left join pg_stat_activity a on a.pid = l.pid
     left join pg_prepared_xacts p on l.pid is null and p.transaction = l.transactionid
     where l.locktype = 'transactionid' and l.mode = 'ExclusiveLock' and l.granted
       and l.transactionid::text::numeric = $1::numeric % 4294967296
     limit 1`,
    [horizon],
  );
  const found = rows[0];
  if (found === undefined) return null;
  const since = found.since === null ? '' : ` since ${found.since}`;
  if (found.pid === null) {
    return (
      `prepared transaction ${JSON.stringify(found.gid ?? '?')} of ${found.owner ?? 'an unknown role'} in database ` +
      `${found.datname ?? '?'}${since}: commit or roll it back (rollback prepared '…')`
    );
  }
  const application = found.application_name ? `, application ${found.application_name}` : '';
  return (
    `pid ${found.pid} (${found.usename ?? 'unknown role'}, database ${found.datname ?? '?'}${application}, ` +
    `${found.state ?? 'state hidden'}${since}): end its transaction, or select pg_terminate_backend(${found.pid})`
  );
}
