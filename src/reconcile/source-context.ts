/**
 * What every step of a pass works with: one source, its two stores, and a clock that follows the database's.
 * Does not decide anything and holds no state of a pass.
 */
import type pg from 'pg';
import type { BlockLimits } from '../domain/block-pace.ts';
import type { Distributor } from '../domain/distributor.ts';
import { openClaimsKey } from '../domain/open-claim.ts';
import { OperatingError } from '../domain/operating-error.ts';
import type { Source } from '../domain/source.ts';
import { readDatabaseTime } from '../postgres/horizon.ts';
import { inspectTable } from '../postgres/inspect-table.ts';
import { describeSource, type SourceSql } from '../postgres/source-sql.ts';
import { markerForm, type MarkerForm } from '../redis/marker-form.ts';
import type { ScreenPace } from '../redis/screen-block.ts';
import type { MarkerRedis } from '../redis/script.ts';
import type { AwaitTurn } from '../redis/turns.ts';

/** The sizes of the reading. */
export interface PassLimits {
  /** Of one command to the marker Redis. */
  readonly block: BlockLimits;
  readonly callsInFlight: number;
  readonly rowsPerPage: number;
  readonly chunks: ChunkLimits;
  readonly callTimeoutMs: number;
  /** A plan never holds more repairs than this, so that its memory is bounded; above what a brake may be set to. */
  readonly planMax: number;
}

export interface ChunkLimits {
  /** What a window holds beyond so many rows is left to many workers. */
  readonly over: number;
  readonly rows: number;
  /** The pass itself takes a chunk that nobody has taken for so long. */
  readonly offeredForMs: number;
}

export const defaultPassLimits: PassLimits = {
  block: { linesMin: 10, linesMax: 200, serverMs: 0.25 },
  // A second one keeps the server busy; two more made a pass 3 % faster, and other clients wait twice as long.
  callsInFlight: 2,
  rowsPerPage: 50_000,
  chunks: { over: 500_000, rows: 100_000, offeredForMs: 2_000 },
  callTimeoutMs: 2_000,
  planMax: 20_001,
};

/** A block of this size was polite on every machine measured; the first answers say what fits on this one. */
const linesAtFirst = 100;

/** For a distributor that was given as a function, without an address. */
const defaultDistributorTimeoutMs = 3_000;

export interface Stores {
  readonly pool: pg.Pool;
  readonly markers: MarkerRedis;
  /** Comes before every key of our own in Redis: leases, queue, open claims. */
  readonly namespace: string;
  /** By the source's name; a source without one has none. */
  readonly distributors: ReadonlyMap<string, Distributor>;
  /** Waited for before each page of claims; unless given nobody waits. */
  readonly awaitTurn?: AwaitTurn;
  /** Told how long claims that a pass found bad had been so, in milliseconds, after that is on record. */
  readonly onDetected?: (source: string, latenciesMs: readonly number[]) => void;
}

export interface SourceContext extends Pick<Stores, 'pool' | 'markers'> {
  readonly source: Source;
  readonly sql: SourceSql;
  /** What its markers are in Redis. */
  readonly form: MarkerForm;
  readonly limits: PassLimits;
  /** Kept by the screening from page to page. */
  readonly pace: ScreenPace;
  /** Null: nobody can be asked what became of an attempt. */
  readonly distributor: Distributor | null;
  /** For one question to it, in milliseconds. */
  readonly distributorTimeoutMs: number;
  /** The key of the source's open-claims index, in the marker Redis. */
  readonly openClaimsKey: string;
  readonly onDetected: (latenciesMs: readonly number[]) => void;
  readonly awaitTurn: AwaitTurn;
  /** Database time, Unix milliseconds: read once, then carried on by the monotonic clock. */
  readonly nowMs: () => number;
}

/** Looks at the live table; throws `configuration` with all problems when the source cannot be read. */
export async function openSource(
  stores: Stores,
  source: Source,
  limits: PassLimits = defaultPassLimits,
): Promise<SourceContext> {
  const { problems, idType, positionType, attemptIsUnique } = await inspectTable(stores.pool, source);
  if (problems.length > 0) {
    throw new OperatingError(
      'configuration',
      `The source ${source.name} cannot be read; nothing was changed:\n${problems.map((line) => `  - ${line}`).join('\n')}`,
    );
  }
  const databaseMs = await readDatabaseTime(stores.pool);
  const readAtMs = performance.now();
  const nowMs = (): number => databaseMs + (performance.now() - readAtMs);
  const sure = believeUnique(source, attemptIsUnique);
  return {
    pool: stores.pool,
    markers: stores.markers,
    source: sure,
    form: markerForm(source.marker.hashField),
    sql: describeSource(source, idType, positionType),
    limits,
    pace: { lines: Math.min(linesAtFirst, limits.block.linesMax), blocks: 0 },
    distributor: stores.distributors.get(source.name) ?? null,
    distributorTimeoutMs: source.distributor?.timeoutMs ?? defaultDistributorTimeoutMs,
    openClaimsKey: openClaimsKey(stores.namespace, source.name),
    onDetected: (latenciesMs) => stores.onDetected?.(source.name, latenciesMs),
    awaitTurn: stores.awaitTurn ?? atOnce,
    nowMs,
  };
}

const atOnce: AwaitTurn = async () => {};

/** That values name the attempt is believed only if a person says so, or an index makes sure of it. */
function believeUnique(source: Source, attemptIsUnique: boolean): Source {
  const { rules, marker } = source;
  const valueNamesAttempt = rules.valueNamesAttempt && (marker.valueIsUnique ?? attemptIsUnique);
  return { ...source, rules: { ...rules, valueNamesAttempt } };
}
