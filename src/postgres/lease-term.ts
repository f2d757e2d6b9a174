/**
 * The terms of leases, numbered by Postgres. The number is the fencing token: what is written under a term carries it,
 * and Postgres refuses it once a newer one has been seen.
 * Invariant kept: tokens only grow, over all leases and restarts. (A restore takes them back together with everything
 * that was written under them.)
 * Does not decide who holds a lease: that is `redis/lease.ts`. Call the lease's `guard()` after `beginTerm`: a holder
 * that was stopped in between may have been followed by another, and must not use its token.
 */
import type pg from 'pg';

export interface LeaseTerm {
  /** A bigint as text, as Postgres prints it. */
  readonly token: string;
  readonly holder: string;
  readonly beganAt: Date;
}

/** Terms of a lease that are this many numbers old are forgotten. */
const tokensKept = 10_000;

/** Begins a term of `lease` and returns its fencing token, greater than every one before. */
export async function beginTerm(
  pool: pg.Pool | pg.ClientBase,
  term: { readonly lease: string; readonly holder: string },
): Promise<string> {
  const { rows } = await pool.query<{ token: string }>(
    `with begun as (
       insert into reconciler.lease_term (lease, holder) values ($1, $2) returning token
     ), forgotten as (
       delete from reconciler.lease_term where lease = $1 and token < (select token from begun) - $3::bigint
     )
     select token::text from begun`,
    [term.lease, term.holder, tokensKept],
  );
  const token = rows[0]?.token;
  if (token === undefined) throw new Error('a term was begun without a token');
  return token;
}

/** The latest term of a lease: who holds it, or held it last. Null when it never had one. */
export async function latestTerm(pool: pg.Pool | pg.ClientBase, lease: string): Promise<LeaseTerm | null> {
  const { rows } = await pool.query<{ token: string; holder: string; began_at: Date }>(
    `select token::text, holder, began_at from reconciler.lease_term
     where lease = $1 order by lease_term.token desc limit 1`,
    [lease],
  );
  const row = rows[0];
  return row === undefined ? null : { token: row.token, holder: row.holder, beganAt: row.began_at };
}
