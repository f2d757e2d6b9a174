/**
 * Everything that is known of one claim or one marker, for the person who is asked about it: row, marker, verdict and
 * why, what would be done, and what was.
 * Invariants kept: reads only, takes no lease and no sample of the horizon; (5) a marker that could not be read is shown
 * as that. Nobody is asked what became of an attempt unless `ask` says so. The sentences are in `explain-words.ts`.
 */
import { assess } from '../domain/assess.ts';
import type { BrakeState } from '../domain/brake.ts';
import { deletedClaim, markerKeyOf, type ClaimReading } from '../domain/claim.ts';
import type { MarkerReading } from '../domain/marker.ts';
import type { OpenClaim } from '../domain/open-claim.ts';
import { matchTemplate } from '../domain/template.ts';
import { badVerdicts } from '../domain/verdict.ts';
import { readOpenAlerts } from '../postgres/alert.ts';
import { readBrake } from '../postgres/brake.ts';
import { findClaimsOnMarker, readClaims } from '../postgres/claims.ts';
import { readOpenDiscrepancies, readOpenRowless, type OpenDiscrepancy } from '../postgres/discrepancy.ts';
import { readHistory, readStanding, type History, type Standing } from '../postgres/history.ts';
import { readClaimsByAttempt } from '../postgres/write-claim.ts';
import { observeMarkers } from '../redis/observe-markers.ts';
import { aboutNobody, explainLooks, type ExplainedCase } from './explain-cases.ts';
import { findInIndex, type IndexSight } from './find-in-index.ts';
import type { Look } from './observe-claims.ts';
import type { SourceContext } from './source-context.ts';

export interface OtherClaim {
  readonly id: string;
  readonly status: string;
  readonly isLive: boolean;
}

export interface Explained {
  readonly source: string;
  /** Null where the row does not tell. */
  readonly markerKey: string | null;
  /** The claim asked for; or all on the marker asked for, and the attempts without a row that are known to be. */
  readonly cases: readonly ExplainedCase[];
  /** Claims on the marker that no case is about. */
  readonly others: readonly OtherClaim[];
  readonly index: IndexSight;
  readonly standing: Standing;
  readonly brake: { readonly state: BrakeState; readonly reason: string | null };
  /** Alerts about the source itself, somebody's or nobody's: what holds everything up. */
  readonly sourceAlerts: readonly { readonly id: string; readonly kind: string; readonly summary: string }[];
  readonly history: History;
}

/** What a person asks about. */
export type ExplainTarget =
  { readonly kind: 'claim'; readonly id: string } | { readonly kind: 'marker'; readonly key: string };

/** Claims on one marker that are looked at; more would mean that the key is not what it seems. */
const claimsPerMarkerMax = 100;

/** Null when there is no such claim, and never was one that something was wrong with. */
export async function explainClaim(
  context: SourceContext,
  id: string,
  ask: boolean,
  signal: AbortSignal,
): Promise<Explained | null> {
  const { pool, sql, source } = context;
  const claim = (await readClaims(pool, sql, [id])).get(id) ?? deletedClaim;
  const [past] = (await readHistory(pool, source.name, [`claim:${id}`], null)).discrepancies;
  if (claim.kind === 'no_row' && past === undefined) return null;
  const key = markerKeyOf(claim) ?? past?.markerKey ?? null;
  const others = key === null ? [] : (await claimIdsOn(context, key)).filter((other) => other !== id);
  const known = await readOpenDiscrepancies(pool, source.name, [id]);
  return explain(
    context,
    { key, claims: [claim], ids: [id], otherIds: others, known, ask, isMarker: false },
    signal,
  );
}

/**
 * Null when there is no such marker, no claim on it, and nothing on record of it; and for a key that the source cannot have,
 * which is not read: whoever may look at markers may not look at whatever else the server holds.
 */
export async function explainMarker(
  context: SourceContext,
  key: string,
  ask: boolean,
  signal: AbortSignal,
): Promise<Explained | null> {
  const { pool, sql, source } = context;
  if (matchTemplate(source.marker.key, key) === null) return null;
  const ids = await claimIdsOn(context, key);
  const readings = await readClaims(pool, sql, ids);
  const known = [
    ...(await readOpenDiscrepancies(pool, source.name, ids)),
    ...(await readOpenRowless(pool, source.name, key)),
  ];
  const claims = [...readings.values()];
  const explained = await explain(
    context,
    { key, claims, ids, otherIds: [], known, ask, isMarker: true },
    signal,
  );
  const { cases, history, index } = explained;
  const isKnown = cases.length + history.discrepancies.length + history.reports.length + index.entries.length;
  if (isKnown > 0) return explained;
  const [marker] = await observeMarkers(context.markers, [key], context.limits.callTimeoutMs, context.form);
  if (marker === undefined || marker.kind === 'absent') return null;
  // Nobody knows who set it: shown all the same.
  const look = { claim: deletedClaim, marker, atMs: context.nowMs() };
  const verdict = assess(look, source.rules, look.atMs);
  return { ...explained, cases: [aboutNobody({ ...look, verdict })] };
}

interface Asked {
  readonly key: string | null;
  readonly claims: readonly ClaimReading[];
  readonly ids: readonly string[];
  readonly otherIds: readonly string[];
  readonly known: readonly OpenDiscrepancy[];
  readonly ask: boolean;
  /** Attempts without a row are cases of their own. */
  readonly isMarker: boolean;
}

async function explain(context: SourceContext, asked: Asked, signal: AbortSignal): Promise<Explained> {
  const { pool, source, markers, form, limits } = context;
  const { key } = asked;
  const [marker = absent] =
    key === null ? [] : await observeMarkers(markers, [key], limits.callTimeoutMs, form);
  const isRedisAway = marker.kind === 'unread';
  const index: IndexSight =
    key === null || isRedisAway ? { kind: 'not_looked_at', entries: [] } : await findInIndex(context, key);
  const rowless = asked.isMarker ? await findRowlessOf(context, asked, index) : [];
  const atMs = context.nowMs();
  const looks = [...asked.claims, ...rowless].map((claim): Look => {
    const observation = { claim, marker };
    return { ...observation, atMs, verdict: assess(observation, source.rules, atMs) };
  });
  const subjects = [...asked.ids.map((id) => `claim:${id}`), ...(key === null ? [] : [`marker:${key}`])];
  const existing = asked.claims.flatMap((claim) => (claim.kind === 'no_row' ? [] : [claim.id]));
  const [standing, brake, alerts, history] = [
    await readStanding(pool, context.sql, source.rules.graceMs, existing),
    await readBrake(pool, source.name),
    await readOpenAlerts(pool, source.name, ['open', 'acknowledged']),
    await readHistory(pool, source.name, subjects, key),
  ];
  return {
    source: source.name,
    markerKey: key,
    cases: await explainLooks(context, looks, asked.known, asked.ask, signal),
    others: await describeOthers(context, asked.otherIds),
    index,
    standing,
    brake,
    sourceAlerts: alerts.filter(({ kind }) => !aboutClaims.has(kind)),
    history,
  };
}

const absent: MarkerReading = { kind: 'absent' };
/** What the alerts about single claims and markers are called. */
const aboutClaims = new Set<string>([...badVerdicts, 'double_grant']);

/** Attempts that took the marker and have no row: those listed in the index, and those on record. */
async function findRowlessOf(
  { pool, sql }: SourceContext,
  { known }: Asked,
  { entries }: IndexSight,
): Promise<ClaimReading[]> {
  const recorded = known.flatMap(({ evidence }) =>
    evidence.claim.kind === 'no_row' && evidence.claim.open !== null ? [evidence.claim.open] : [],
  );
  const byAttempt = new Map<string, OpenClaim>();
  for (const open of [...recorded, ...entries.map((entry) => entry.open)]) byAttempt.set(open.attempt, open);
  const rows = await readClaimsByAttempt(pool, sql, [...byAttempt.keys()]);
  return [...byAttempt].flatMap(([attempt, open]) =>
    rows.get(attempt)?.kind === 'no_row' ? [{ kind: 'no_row', open } as const] : [],
  );
}

async function claimIdsOn({ pool, sql, source }: SourceContext, key: string): Promise<string[]> {
  const keyValues = matchTemplate(source.marker.key, key);
  return keyValues === null ? [] : findClaimsOnMarker(pool, sql, { key, keyValues }, claimsPerMarkerMax);
}

async function describeOthers(
  { pool, sql, nowMs }: SourceContext,
  ids: readonly string[],
): Promise<OtherClaim[]> {
  if (ids.length === 0) return [];
  return [...(await readClaims(pool, sql, ids))].flatMap(([id, claim]) => {
    if (claim.kind === 'no_row') return [];
    const status = claim.kind === 'readable' ? claim.status : claim.kind;
    const isOpen = claim.kind === 'readable' && claim.expiresAtMs > nowMs();
    return [{ id, status, isLive: status === 'pending' || (status === 'granted' && isOpen) }];
  });
}
