/**
 * What a decision needs beyond claim and marker: other claims for the same thing, and the distributor's word.
 * Invariants kept: (5) what could not be read throws; no answer is an answer of its own, never "not granted".
 */
import type { OpenClaim } from '../domain/open-claim.ts';
import type { LookupAnswer } from '../domain/distributor.ts';
import { needsAnswer, needsLiveRival, needsRival } from '../domain/decide.ts';
import { matchTemplate, templateColumns } from '../domain/template.ts';
import { isBad } from '../domain/verdict.ts';
import { findClaimsOnMarker, readClaims } from '../postgres/claims.ts';
import { horizonAgo } from '../postgres/horizon.ts';
import { lookUpLiveRivals, lookUpRivals, type FoundRival } from '../postgres/rivals.ts';
import type { Inquiry } from './inquiry.ts';
import type { Look } from './observe-claims.ts';
import type { SourceContext } from './source-context.ts';

export interface Evidenced {
  readonly rival: FoundRival | null;
  readonly answer: LookupAnswer | null;
}

/** Rows of one marker that are looked at; more would mean that the key is not what it seems. */
const claimsPerMarkerMax = 100;

/** Nobody has to be asked about an attempt that has its row, for another thing. */
const elsewhere: LookupAnswer = { kind: 'refused', reason: 'the attempt made a claim for another thing' };

/** Evidence for each look, in order; nulls where a decision does not depend on it. */
export async function gatherEvidence(
  context: SourceContext,
  looks: readonly Look[],
  inquiry: Inquiry,
): Promise<Evidenced[]> {
  const rivals = await findRivals(context, looks);
  const attempts = looks.map((look, at) => attemptInQuestion(context, look, rivals[at] ?? null));
  const answers = await inquiry.about(attempts);
  for (const [at, { claim }] of looks.entries()) {
    if (claim.kind === 'no_row' && claim.elsewhereId !== undefined) answers[at] = elsewhere;
  }
  const evidence = looks.map((_, at) => ({ rival: rivals[at] ?? null, answer: answers[at] ?? null }));
  return askAboutOthers(context, looks, evidence, inquiry);
}

/**
 * Before an attempt is granted again, others that may have been handed the same thing are asked about too: pending claims
 * that came later, and the one that holds the marker. One that was granted is a rival; one without an answer is waited for.
 */
async function askAboutOthers(
  context: SourceContext,
  looks: readonly Look[],
  evidence: readonly Evidenced[],
  inquiry: Inquiry,
): Promise<Evidenced[]> {
  const { notGranted, valueNamesAttempt } = context.source.rules;
  const others = looks.flatMap((look, at) => {
    const { rival = null, answer = null } = evidence[at] ?? {};
    const mayGrant = look.verdict === 'in_doubt' && answer?.kind === 'not_granted';
    if (!mayGrant || rival?.rival !== 'unknown' || notGranted !== 'grant') return [];
    const own = look.claim.kind === 'readable' ? look.claim.attempt : null;
    const holder = valueNamesAttempt ? holderOf(context, look) : null;
    const attempts = new Set([...(rival.later ?? []), holder]);
    return [...attempts].flatMap((attempt) => (attempt === null || attempt === own ? [] : [{ attempt, at }]));
  });
  const answers = await inquiry.about(others.map(({ attempt }) => attempt));
  const rivals = new Map<number, FoundRival>();
  for (const [n, { at }] of others.entries()) {
    const kind = answers[n]?.kind;
    if (kind === 'granted') rivals.set(at, { rival: 'granted', claimId: null });
    if (kind === 'unknown' && !rivals.has(at)) rivals.set(at, { rival: 'pending', claimId: null });
  }
  return evidence.map((known, at) => ({ ...known, rival: rivals.get(at) ?? known.rival }));
}

async function findRivals(context: SourceContext, looks: readonly Look[]): Promise<(FoundRival | null)[]> {
  const { pool, sql, source } = context;
  const conflicts: { id: string; value: string }[] = [];
  const doubtful: string[] = [];
  for (const { claim, marker, verdict } of looks) {
    if (claim.kind === 'no_row' || !isBad(verdict)) continue;
    if (needsRival(verdict, source.rules) && marker.kind === 'present') {
      conflicts.push({ id: claim.id, value: marker.value });
    }
    if (needsLiveRival(verdict)) doubtful.push(claim.id);
  }
  const found = new Map([
    ...(await lookUpRivals(pool, sql, conflicts)),
    ...(await lookUpLiveRivals(pool, sql, doubtful, {
      nowMs: context.nowMs(),
      horizon: doubtful.length === 0 ? '0' : await horizonAgo(pool, source.rules.graceMs),
    })),
  ]);
  const rivals: (FoundRival | null)[] = [];
  for (const { claim, verdict } of looks) {
    if (claim.kind === 'no_row') {
      rivals.push(
        verdict === 'rowless_marker' && claim.open !== null ? await findLive(context, claim.open) : null,
      );
    } else rivals.push(found.get(claim.id) ?? null);
  }
  return rivals;
}

/** A live claim on the marker of an attempt that has no row. */
async function findLive({ pool, sql, source, nowMs }: SourceContext, open: OpenClaim): Promise<FoundRival> {
  const key = open.markerKey;
  const values = templateColumns(source.marker.key).map(
    (name) => [name, open.columns[name] ?? null] as const,
  );
  const keyValues = new Map(
    values.flatMap(([name, value]) => (value === null ? [] : [[name, String(value)]])),
  );
  const ids = await findClaimsOnMarker(pool, sql, { key, keyValues }, claimsPerMarkerMax);
  let pending: FoundRival = { rival: 'unknown', claimId: null };
  for (const [claimId, claim] of await readClaims(pool, sql, ids)) {
    if (claim.kind !== 'readable') continue;
    if (claim.status === 'granted' && claim.expiresAtMs > nowMs()) return { rival: 'granted', claimId };
    if (claim.status === 'pending') pending = { rival: 'pending', claimId };
  }
  return pending;
}

/** Whose fate the decision hangs on: the claim's own attempt, or the unknown one that holds its marker. */
function attemptInQuestion(context: SourceContext, look: Look, found: FoundRival | null): string | null {
  const { source, distributor } = context;
  const { claim, verdict } = look;
  if (distributor === null || !isBad(verdict)) return null;
  if (!needsAnswer(verdict, found?.rival ?? null, source.rules)) return null;
  if (claim.kind === 'no_row') return claim.elsewhereId !== undefined ? null : (claim.open?.attempt ?? null);
  if (verdict !== 'conflicting_marker') return claim.kind === 'readable' ? claim.attempt : null;
  return holderOf(context, look);
}

/** The attempt that the marker's value names, as far as it does. */
function holderOf({ source }: SourceContext, { marker }: Look): string | null {
  if (marker.kind !== 'present' || source.marker.value === null) return null;
  return matchTemplate(source.marker.value, marker.value)?.get(source.columns.attempt) ?? null;
}
