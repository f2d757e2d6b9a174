/**
 * The chunks of a large window: pieces between two positions that several workers judge at a time. What is taken, judged
 * and left stands here, for as long as the pass runs: what ends the pass drops them (`pass.ts`).
 * Invariants kept: chunks of a pass lie end to end, so that judging them all passes no row (1); a chunk is kept and ended only by
 * whoever took it last, under the term of its pass (2).
 */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { Position } from '../domain/claim.ts';
import { OperatingError } from '../domain/operating-error.ts';
import type { Verdict } from '../domain/verdict.ts';
import { assertTerm } from './checkpoint.ts';
import { inRange } from './page-range.ts';
import { xid8, type SourceSql } from './source-sql.ts';

export type VerdictCounts = Readonly<Record<Verdict, number>>;

export interface Chunk {
  readonly passId: string;
  /** From 1; 0 is what lies before the checkpoint. */
  readonly number: number;
  readonly from: Position;
  readonly to: Position;
  /** Transaction id below which its pass reads. */
  readonly horizon: string;
  /** A digest of how its pass is configured to judge. */
  readonly judging: string;
}

/** The right to judge a chunk, until somebody else takes it. */
export interface TakenChunk extends Chunk {
  /** Names this one taking. */
  readonly takenBy: string;
  /** Of the term of its pass. */
  readonly fencingToken: string;
  /** Who asked for its pass. */
  readonly askedBy: string;
}

export interface ChunkState extends Chunk {
  /** Null until it is judged. */
  readonly verdicts: VerdictCounts | null;
  /** Judging it tripped the brake. */
  readonly isBraked: boolean;
  /** Since it was cut, taken, or said to be judged, in milliseconds. A clock that was set back counts as much as it went back. */
  readonly idleMs: number;
  readonly isTaken: boolean;
}

/** The end of a piece that begins after `from` and holds `rows` rows below the horizon; null when fewer are left. */
export async function findBoundary(
  pool: pg.Pool,
  source: SourceSql,
  { from, horizon, rows: size }: { readonly from: Position; readonly horizon: string; readonly rows: number },
): Promise<Position | null> {
  const { id, change } = source;
  // Both columns stand in the index, so that no row is read but those that changed a moment ago.
  const { rows } = await pool.query<Position>(
    `select ${change}::text as "changeXid", ${id}::text as id from ${source.table} claim
     where ${inRange(source, { by: 'change', after: from })} and ${change} < ${xid8(horizon)}
     order by claim.${change}, claim.${id} offset ${Math.trunc(size) - 1} limit 1`,
  );
  return rows[0] ?? null;
}

/** @param chunks those with verdicts are judged already */
export async function addChunks(
  pool: pg.Pool,
  chunks: readonly (Chunk & { readonly verdicts?: VerdictCounts })[],
): Promise<void> {
  const rows = chunks.map(({ from, to, verdicts = null, ...rest }) => ({
    ...rest,
    verdicts,
    fromXid: from.changeXid,
    fromId: from.id,
    toXid: to.changeXid,
    toId: to.id,
  }));
  await pool.query(
    `insert into reconciler.chunk
       (pass_id, number, from_change_xid, from_id, to_change_xid, to_id, horizon, judging, verdicts)
     select "passId", number, "fromXid", "fromId", "toXid", "toId", horizon, judging, verdicts
     from jsonb_to_recordset($1) as c ("passId" bigint, number int, "fromXid" xid8, "fromId" text,
       "toXid" xid8, "toId" text, horizon xid8, judging text, verdicts jsonb)`,
    [JSON.stringify(rows)],
  );
}

/** The chunks of a pass that its checkpoint has not passed yet, in their order. */
export async function readChunksAhead(pool: pg.Pool, passId: string): Promise<ChunkState[]> {
  const { rows } = await pool.query<ChunkRow>(
    `select ${chunkColumns}, c.verdicts, c.is_braked as "isBraked", c.taken_by is not null as "isTaken",
       ${idle} as "idleMs"
     from reconciler.chunk c where c.pass_id = $1 and c.number > 0 order by c.number`,
    [passId],
  );
  return rows.map((row) => ({ ...row, ...positionsOf(row) }));
}

/** Adds chunks that are judged to what lies before the checkpoint; call it in the transaction that moves that. */
export async function passChunks(client: pg.ClientBase, passId: string, upTo: number): Promise<void> {
  await client.query(
    `update reconciler.chunk set verdicts = ${sumOfVerdicts('c.pass_id = $1 and c.number <= $2')} where pass_id = $1 and number = 0`,
    [passId, upTo],
  );
  await client.query('delete from reconciler.chunk where pass_id = $1 and number between 1 and $2', [
    passId,
    upTo,
  ]);
}

/** Judged so far, by everybody: what the brake goes by. */
export async function readCounts(pool: pg.Pool, passId: string): Promise<Partial<VerdictCounts>> {
  const { rows } = await pool.query<{ counts: Partial<VerdictCounts> | null }>(
    `select ${sumOfVerdicts('c.pass_id = $1')} as counts`,
    [passId],
  );
  return rows[0]?.counts ?? {};
}

/**
 * Takes a chunk, unless it is judged, or somebody is at it and has said so within `idleMs`. Null then, and when the pass
 * has ended or another term has begun.
 */
export async function takeChunk(
  pool: pg.Pool,
  source: string,
  { passId, number }: Pick<Chunk, 'passId' | 'number'>,
  idleMs: number,
): Promise<TakenChunk | null> {
  const { rows } = await pool.query<ChunkRow & Pick<TakenChunk, 'takenBy' | 'fencingToken' | 'askedBy'>>(
    `update reconciler.chunk c set taken_by = $3, touched_at = clock_timestamp()
     from reconciler.pass p, reconciler.checkpoint k
     where c.pass_id = $1 and c.number = $2 and c.verdicts is null and not c.is_braked
       and (c.taken_by is null or ${idle} > $4)
       and p.id = c.pass_id and p.ended_at is null and k.source = $5 and p.source = $5
       and k.fencing_token = p.fencing_token
     returning ${chunkColumns}, c.taken_by as "takenBy", p.fencing_token::text as "fencingToken",
       p.asked_by as "askedBy"`,
    [passId, number, randomUUID(), idleMs, source],
  );
  const row = rows[0];
  return row === undefined ? null : { ...row, ...positionsOf(row) };
}

/** Nobody is at it any more, and it is not judged: a worker that fails says so, and another need not wait. */
export async function leaveChunk(pool: pg.Pool, chunk: TakenChunk): Promise<void> {
  await pool.query(
    'update reconciler.chunk set taken_by = null where pass_id = $1 and number = $2 and taken_by = $3',
    [chunk.passId, chunk.number, chunk.takenBy],
  );
}

/** Says that a chunk is still judged. False when somebody else has taken it, or it is gone: its pass has ended. */
export async function showChunk(pool: pg.Pool, chunk: TakenChunk): Promise<boolean> {
  const { rowCount } = await pool.query(
    'update reconciler.chunk set touched_at = clock_timestamp() where pass_id = $1 and number = $2 and taken_by = $3',
    [chunk.passId, chunk.number, chunk.takenBy],
  );
  return rowCount === 1;
}

/** What is noted of a chunk with each page that is kept. */
export interface ChunkNote {
  /** Given with the last page. */
  readonly verdicts?: VerdictCounts;
  readonly isBraked?: boolean;
}

/**
 * Notes how far judging a chunk has come, in the transaction that records what was found in it. Throws `fenced_out`, so that
 * nothing of it is recorded, when somebody else has taken it, or another term has begun.
 */
export async function touchChunk(
  client: pg.ClientBase,
  source: string,
  chunk: TakenChunk,
  { verdicts, isBraked = false }: ChunkNote,
): Promise<void> {
  await assertTerm(client, source, chunk.fencingToken);
  const { rowCount } = await client.query(
    `update reconciler.chunk set touched_at = clock_timestamp(), verdicts = $4, is_braked = $5
     where pass_id = $1 and number = $2 and taken_by = $3 and verdicts is null`,
    [
      chunk.passId,
      chunk.number,
      chunk.takenBy,
      verdicts === undefined ? null : JSON.stringify(verdicts),
      isBraked,
    ],
  );
  if (rowCount === 1) return;
  throw new OperatingError(
    'fenced_out',
    `Chunk ${chunk.number} of pass ${chunk.passId} was taken over by somebody else, or its pass has ended. What was judged of ` +
      'it here was not recorded; whoever has it judges it.',
  );
}

interface ChunkRow extends Omit<ChunkState, 'from' | 'to'> {
  readonly fromXid: string;
  readonly fromId: string | null;
  readonly toXid: string;
  readonly toId: string | null;
}

/** SQL: of the chunks `c` that fulfil a condition, as one object. */
function sumOfVerdicts(condition: string): string {
  return `(select jsonb_object_agg(verdict, count) from (
    select v.key as verdict, sum(v.value::bigint) as count
    from reconciler.chunk c, jsonb_each_text(c.verdicts) v where ${condition} group by v.key) sums)`;
}

/** SQL: see `ChunkState`. */
const idle = 'abs(extract(epoch from clock_timestamp() - c.touched_at)::float8 * 1000)';

const chunkColumns = `c.pass_id::text as "passId", c.number, c.from_change_xid::text as "fromXid", c.from_id as "fromId",
  c.to_change_xid::text as "toXid", c.to_id as "toId", c.horizon::text as horizon, c.judging`;

function positionsOf({ fromXid, fromId, toXid, toId }: ChunkRow): Pick<Chunk, 'from' | 'to'> {
  return { from: { changeXid: fromXid, id: fromId }, to: { changeXid: toXid, id: toId } };
}
