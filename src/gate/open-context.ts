/**
 * Puts together what the steps of a claim work with, once for all claims.
 * Invariants kept: options that do not fit the source are refused, all at once; what the application's own callback throws
 * changes no answer.
 */
import { compileAttemptCheck, compileClaimCheck, type ClaimShape } from '../domain/claim-input.ts';
import { checkWindow, type WindowRule } from '../domain/claim-window.ts';
import { defaultNamespace, openClaimsKey } from '../domain/open-claim.ts';
import { OperatingError } from '../domain/operating-error.ts';
import { windowColumn, type Source } from '../domain/source.ts';
import type { ClaimTable } from '../postgres/claim-table.ts';
import { AfterWork } from './after-work.ts';
import { openEligibility } from './eligibility.ts';
import type { GateContext } from './gate-context.ts';
import { gateDefaults, type GateOptions, type GateParts } from './gate-options.ts';

/** Throws OperatingError `configuration` for options that do not fit the source. */
export function openContext(parts: GateParts, options: GateOptions): GateContext {
  const { table, cacheRedis, namespace = defaultNamespace } = parts;
  const { source } = table;
  const timeouts = {
    redisTimeoutMs: options.redisTimeoutMs ?? gateDefaults.redisTimeoutMs,
    distributorTimeoutMs:
      options.distributorTimeoutMs ?? source.distributor?.timeoutMs ?? gateDefaults.distributorTimeoutMs,
    closeTimeoutMs: options.closeTimeoutMs ?? gateDefaults.closeTimeoutMs,
  };
  const problems = [...timeoutProblems(timeouts, source), ...windowProblems(options, source)];
  if (options.eligibility !== undefined && cacheRedis === undefined) {
    problems.push('eligibility: needs a connection of its own to a standalone Redis (cacheRedis)');
  }
  if (problems.length > 0) {
    const lines = problems.map((problem) => `  - ${problem}`).join('\n');
    throw new OperatingError('configuration', `The gate of ${source.name} cannot be opened:\n${lines}`);
  }
  const shape = shapeOf(table);
  // In a turn of its own: what it throws is then the application's to catch.
  const onTrouble = (error: OperatingError): void => queueMicrotask(() => options.onTrouble(error));
  const { eligibility } = options;
  return {
    ...parts,
    ...timeouts,
    indexKey: openClaimsKey(namespace, source.name),
    check: compileClaimCheck(shape),
    checkAttempt: compileAttemptCheck(shape),
    window: windowRule(options, source),
    eligibility:
      eligibility === undefined || cacheRedis === undefined
        ? null
        : openEligibility(cacheRedis, { namespace, source: source.name }, eligibility, onTrouble),
    whenRedisIsDown: options.whenRedisIsDown ?? 'refuse',
    afterWork: new AfterWork(),
    onTrouble,
  };
}

function shapeOf({ source, columns, forbidden }: ClaimTable): ClaimShape {
  const { attempt, status, change, expiry } = source.columns;
  const window = windowColumn(expiry)?.column ?? null;
  const own = [status, window, change].filter((column) => column !== null);
  return { columns, attempt, own, key: source.marker.key, value: source.marker.value, forbidden };
}

function windowRule({ ttlMs }: GateOptions, { columns }: Source): WindowRule {
  return 'ttlMs' in columns.expiry
    ? { kind: 'fixed', ttlMs: columns.expiry.ttlMs }
    : { kind: 'chosen', usualTtlMs: ttlMs };
}

function windowProblems(options: GateOptions, source: Source): string[] {
  const problems: string[] = [];
  if (options.ttlMs !== undefined) {
    checkWindow({ ttlMs: options.ttlMs }, windowRule(options, source), Date.now(), problems);
  }
  return problems;
}

function timeoutProblems(
  timeouts: Readonly<Record<'redisTimeoutMs' | 'distributorTimeoutMs' | 'closeTimeoutMs', number>>,
  { rules }: Source,
): string[] {
  const problems = Object.entries(timeouts)
    // Longer ones no timer can wait for.
    .filter(([, value]) => !(Number.isInteger(value) && value >= 1 && value < 2 ** 31))
    .map(([name, value]) => `${name}: must be whole milliseconds, at least 1; it is ${value}`);
  const { distributorTimeoutMs } = timeouts;
  if (rules.notGranted === 'release' && distributorTimeoutMs >= rules.graceMs) {
    problems.push(
      `distributorTimeoutMs: is ${distributorTimeoutMs}, and after the grace period of ${rules.graceMs} ms the reconciler ` +
        'releases what the distributor does not know; it must be less',
    );
  }
  return problems;
}
