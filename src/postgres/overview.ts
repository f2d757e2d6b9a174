/**
 * The state of all sources in one look, for `status`, the dashboard and the metrics.
 * Invariant kept: bounded. However much is wrong, every list has a fixed length, every count a ceiling, every text a
 * greatest length, and the statement a time limit on the server.
 * Does not judge whether a state is good: it only tells.
 */
import { readFileSync } from 'node:fs';
import type pg from 'pg';
import { canaryName } from '../domain/canary.ts';
import type { BrakeState } from '../domain/brake.ts';
import type { Mode, Source } from '../domain/source.ts';
import type { AlertSeverity } from './alert.ts';
import { asOperatingError } from './as-operating-error.ts';
import { inTransaction } from './connect.ts';

/** All times are ISO 8601 texts by the database's clock; all ages are milliseconds before `readAt`. */
export interface Overview {
  readonly readAt: string;
  /** In the order of the configuration. */
  readonly sources: readonly SourceOverview[];
  /** Alerts that are not resolved: the gravest 20, of all sources, of those no longer configured too. */
  readonly alerts: readonly AlertView[];
  /** Counted up to 1000 in all. */
  readonly alertCounts: readonly {
    readonly source: string;
    readonly severity: AlertSeverity;
    readonly count: number;
  }[];
}

export interface SourceOverview {
  readonly name: string;
  readonly table: string;
  readonly mode: Mode;
  readonly schedule: string;
  /** Null before the first pass. */
  readonly checkpoint: CheckpointView | null;
  /** What the newest pass with a report said, made older by the time since; null before the first. */
  readonly horizon: { readonly ageMs: number; readonly stalledBy: string | null } | null;
  readonly brake: BrakeView;
  /** Open discrepancies per verdict; verdicts with none are left out. */
  readonly openByVerdict: Readonly<Record<string, number>>;
  /** Their sum. `openIsCapped`: there are more, they were not counted. */
  readonly open: number;
  readonly openIsCapped: boolean;
  /** Since the oldest open one was found; null when none is open. */
  readonly oldestOpenMs: number | null;
  /** Of the claims judged in the last hour; null when none was, and for the canary. */
  readonly consistency: ConsistencyView | null;
  /** Reports that nobody has judged yet, counted up to 1000, and the age of the oldest. */
  readonly reports: { readonly unjudged: number; readonly oldestMs: number | null };
  /** Ten of them: first those due now, then those that wait longest. */
  readonly discrepancies: readonly DiscrepancyView[];
  /** The newest five, newest first. */
  readonly passes: readonly PassView[];
  /** The newest ten, newest first. */
  readonly repairs: readonly RepairView[];
  /** Repairs begun and not ended: the oldest ten, and how many there are (up to 1000). */
  readonly unfinished: readonly UnfinishedView[];
  readonly unfinishedCount: number;
}

export interface CheckpointView {
  readonly changeXid: string;
  readonly id: string | null;
  /** How far along its own column, for a source that is read by one. */
  readonly value: string | null;
  readonly movedAt: string;
  /** Since it last moved, or since a pass last found nothing behind it, whichever is later. */
  readonly ageMs: number;
}

export interface ConsistencyView {
  readonly judged: number;
  /**
   * The share of them, 0 to 1, that was never wrong for longer: from its commit, or from when it was found where that is
   * not known, until it was right. Of a source at most 50,000 bad ones are counted.
   */
  readonly within: Readonly<Record<(typeof consistencyTimes)[number], number>>;
}

export const consistencyTimes = ['1m', '5m', '15m'] as const;

export interface BrakeView {
  /** A lift that has run out counts as armed. */
  readonly state: BrakeState;
  readonly reason: string | null;
  readonly changedAt: string | null;
  readonly changedBy: string | null;
  readonly liftedUntil: string | null;
}

export interface DiscrepancyView {
  readonly id: string;
  /** `claim:<id>`, or `marker:<key>` where there is no row. */
  readonly subject: string;
  readonly claimId: string | null;
  readonly verdict: string;
  readonly markerKey: string | null;
  /** Its row was committed no earlier than this; null when that is not known. */
  readonly committedAfter: string | null;
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
  readonly nextCheckAt: string | null;
  readonly checks: number;
  /** A person undid its repair: nothing is repaired until a person says so. */
  readonly held: boolean;
}

/** A field is null when the pass is still running or ended without saying. */
export interface PassView {
  readonly id: string;
  readonly askedBy: string;
  readonly mode: Mode;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly outcome: string | null;
  readonly reason: string | null;
  readonly checked: number | null;
  readonly verdicts: Readonly<Record<string, number>> | null;
  readonly repairs: Readonly<Record<string, number>> | null;
  readonly durationMs: number | null;
}

export interface MarkerView {
  readonly kind: string;
  readonly value: string | null;
  readonly expiresInMs: number | null;
}

export interface RepairView {
  readonly id: string;
  readonly discrepancyId: string;
  readonly claimId: string | null;
  readonly verdict: string;
  readonly action: string;
  readonly outcome: string;
  readonly markerKey: string;
  readonly before: MarkerView;
  readonly after: MarkerView | null;
  readonly note: string | null;
  readonly doneBy: string;
  readonly passId: string | null;
  readonly undoOf: string | null;
  /** The repair that took this one back, or is about to. */
  readonly undoneBy: string | null;
  readonly intendedAt: string;
  readonly endedAt: string | null;
}

export type UnfinishedView = Pick<RepairView, 'id' | 'action' | 'markerKey' | 'doneBy' | 'intendedAt'>;

export interface AlertView {
  readonly id: string;
  readonly kind: string;
  readonly source: string;
  readonly severity: AlertSeverity;
  readonly summary: string;
  readonly state: string;
  readonly acknowledgedBy: string | null;
  readonly seen: number;
  readonly openedAt: string;
  readonly lastSeenAt: string;
}

/** What Postgres knows of a source; the rest is configuration. */
type SourceState = Omit<SourceOverview, 'table' | 'mode' | 'schedule' | 'open' | 'openIsCapped'>;

const overviewSql = readFileSync(new URL('./overview.sql', import.meta.url), 'utf8');

/** Takes about 20 ms to count; beyond that the exact number helps nobody. */
const openCountMax = 50_000;
/** Longer texts end in an ellipsis. */
const textCharactersMax = 500;
/**
 * 4 s: far above a healthy answer, short enough that people are told before they give up. Indexes only: a limit does
 * not bound a sequential scan for what is hardly there.
 */
const settings = `
  set local statement_timeout = 4000;
  set local enable_seqscan = off;
  set local enable_bitmapscan = off`;

/**
 * The state of `sources` and all open alerts, of one moment.
 * @throws OperatingError when Postgres cannot be read: a state that is not known is never shown as empty
 */
export async function readOverview(
  pool: pg.Pool,
  sources: readonly Source[],
  limits = { openCountMax },
): Promise<Overview> {
  const json = await readJson(
    pool,
    sources.map(({ name }) => name),
    limits.openCountMax + 1,
  );
  const read = JSON.parse(json, shorten) as Omit<Overview, 'sources'> & {
    readonly sources: readonly SourceState[];
  };
  const states = new Map(read.sources.map((state) => [state.name, state]));
  return {
    ...read,
    sources: sources.flatMap((source) => {
      const state = states.get(source.name);
      return state === undefined ? [] : [describe(source, state, limits.openCountMax)];
    }),
  };
}

async function readJson(pool: pg.Pool, names: readonly string[], countMax: number): Promise<string> {
  try {
    return await inTransaction(pool, async (client) => {
      await client.query(settings);
      const { rows } = await client.query<{ overview: string }>(overviewSql, [
        names,
        countMax,
        textCharactersMax + 1,
      ]);
      if (rows[0] === undefined) throw new TypeError('a select without from returned no row');
      return rows[0].overview;
    });
  } catch (error) {
    throw asOperatingError(error);
  }
}

function describe(source: Source, state: SourceState, openCountMax: number): SourceOverview {
  const counted = Object.values(state.openByVerdict).reduce((sum, count) => sum + count, 0);
  return {
    ...state,
    table: `${source.table.schema}.${source.table.name}`,
    mode: source.rules.mode,
    schedule: source.schedule,
    // Its claims are made to be wrong: a share of them would tell of nothing.
    consistency: source.name === canaryName ? null : state.consistency,
    open: Math.min(counted, openCountMax),
    openIsCapped: counted > openCountMax,
  };
}

/** Reviver for JSON: characters are counted as Postgres counts them, so that none is cut in two. */
function shorten(_: string, value: unknown): unknown {
  if (typeof value !== 'string' || value.length <= textCharactersMax) return value;
  const characters = Array.from(value);
  return characters.length <= textCharactersMax
    ? value
    : `${characters.slice(0, textCharactersMax).join('')}…`;
}
