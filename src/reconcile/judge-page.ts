/**
 * Judges one page of claims: screened in Redis, the suspicious read in full, and what looks bad confirmed by a second
 * look at both stores.
 * Invariants kept: (1) no row of the page goes unjudged; (6) a row changed since is left for its own turn.
 */
import { sameMarker } from '../domain/marker.ts';
import { isBad } from '../domain/verdict.ts';
import { positionOfLine, type ClaimPage } from '../postgres/claim-pages.ts';
import type { FoundDiscrepancy } from '../postgres/discrepancy.ts';
import { screenMarkers } from '../redis/screen-markers.ts';
import { observeClaims, type JudgedClaim } from './observe-claims.ts';
import type { SourceContext } from './source-context.ts';

const suspectsPerLook = 500;
/** Looks after the first until two agree. What is still moving then is recorded as it was seen last. */
const furtherLooksMax = 3;

type VersionById = ReadonlyMap<string, string>;

/**
 * Returns the page's discrepancies, a few hundred at a time, so that the caller can stop when there are far too many.
 * Throws when either store fails to answer.
 */
export async function* judgePage(
  context: SourceContext,
  page: ClaimPage,
): AsyncGenerator<FoundDiscrepancy[], void, undefined> {
  const { source, sql, form, limits, markers, nowMs, pace } = context;
  const suspects = await screenMarkers(page.lines, {
    redis: markers,
    rules: source.rules,
    anyValue: source.marker.value === null,
    form,
    nowMs,
    callTimeoutMs: limits.callTimeoutMs,
    callsInFlight: limits.callsInFlight,
    block: limits.block,
    pace,
  });
  for (let at = 0; at < suspects.length; at += suspectsPerLook) {
    const versions = new Map<string, string>();
    for (const line of suspects.slice(at, at + suspectsPerLook)) {
      const { id, changeXid } = positionOfLine(sql, page.lines, line);
      versions.set(id, changeXid);
    }
    yield await confirm(context, versions);
  }
}

/** Looks until two looks in a row agree on what each claim is; returns those that are bad. */
async function confirm(context: SourceContext, versions: VersionById): Promise<FoundDiscrepancy[]> {
  const found: FoundDiscrepancy[] = [];
  let before = (await observeClaims(context, [...versions.keys()])).filter((look) =>
    isSuspect(look, versions),
  );
  for (let looks = 1; before.length > 0 && looks <= furtherLooksMax; looks += 1) {
    const byId = new Map(before.map((look) => [look.claimId, look]));
    const now = await observeClaims(context, [...byId.keys()]);
    const suspicious = now.filter((look) => isSuspect(look, versions));
    const settled = suspicious.filter(
      (look) => looks === furtherLooksMax || agree(byId.get(look.claimId), look),
    );
    found.push(...settled.flatMap(asDiscrepancy));
    const done = new Set(settled.map((look) => look.claimId));
    before = suspicious.filter((look) => !done.has(look.claimId));
  }
  return found;
}

/** Bad, and still the version of the row that was read: a newer version is read again, in its own turn. */
function isSuspect({ claim, claimId, verdict }: JudgedClaim, versions: VersionById): boolean {
  return isBad(verdict) && claim.kind !== 'no_row' && claim.changeXid === versions.get(claimId);
}

function agree(before: JudgedClaim | undefined, now: JudgedClaim): boolean {
  return before !== undefined && before.verdict === now.verdict && sameMarker(before, now);
}

function asDiscrepancy({ claimId, verdict, claim, marker, atMs }: JudgedClaim): FoundDiscrepancy[] {
  if (!isBad(verdict) || claim.kind === 'no_row') return [];
  const { markerKey, changeXid } = claim;
  return [{ claimId, markerKey, changeXid, verdict, evidence: { claim, marker, atMs } }];
}
