/**
 * The library entry `claim-reconciler/report`: what an application that keeps its own flow calls when it could not give a
 * marker back. It reads the reconciler's configuration and opens connections of its own.
 * Invariants kept: a report that is answered was stored, also while Redis is away; what did not open, and what is closed,
 * leaves nothing open. Repairs nothing: a pass of the reconciler does.
 */
import { hostname } from 'node:os';
import { OpenParts } from '../app/open-parts.ts';
import { openReportDesk } from '../app/report-desk.ts';
import { loadConfig, readEnvironment } from '../config.ts';
import { defaultNamespace } from '../domain/open-claim.ts';
import { OperatingError } from '../domain/operating-error.ts';
import { asOperatingError } from '../postgres/as-operating-error.ts';
import { connectPostgres, endPool } from '../postgres/connect.ts';
import { assertMigrated } from '../postgres/migrate.ts';
import type { ReportAnswer } from '../reconcile/report-claim.ts';
import { defaultPassLimits } from '../reconcile/source-context.ts';
import { connectMarkers, untilMarkersReady } from '../redis/connect-markers.ts';
import { endRedis } from '../redis/connect.ts';

export { OperatingError, type OperatingErrorCode } from '../domain/operating-error.ts';
export type { ReportAnswer } from '../reconcile/report-claim.ts';

export interface OpenReporterOptions {
  /** The configuration file; unless given RECONCILER_CONFIG, or `reconciler.config.yaml` in the working directory. */
  readonly config?: string;
  /** What `${NAME}` in the configuration and DATABASE_URL, REDIS_URL are taken from; the process's own unless given. */
  readonly env?: NodeJS.ProcessEnv;
  /** Told about trouble with connections that nobody waits for; unless given nobody is. */
  readonly onTrouble?: (error: OperatingError) => void;
}

export interface FailedCompensation {
  /** The name of the source in the configuration. */
  readonly source: string;
  /** The key as it is in Redis; at most 1,024 characters. */
  readonly markerKey: string;
  /** The attempt that took the marker; at most 200 characters. */
  readonly attempt: string;
  /** Why it could not be given back, for people; at most 1,000 characters. */
  readonly reason: string;
  /** Who says so, for people; host and process unless given. */
  readonly by?: string;
}

export interface Reporter {
  /**
   * Resolves when the report is stored, with what it led to. Rejects with OperatingError: `bad_report` with all problems;
   * `not_ready` when too many are on their way; what kept Postgres from storing it. To report the same again is harmless.
   */
  report(failed: FailedCompensation): Promise<ReportAnswer>;
  /** Waits for what is on its way, then closes the connections. Safe to call twice. */
  close(): Promise<void>;
}

const connectionsMax = 3;
const statementTimeoutMs = 5_000;
const redisReadyMs = 2_000;
const closeMs = 2_000;

/**
 * Opens a reporter for all sources of the configuration; once in a process. Throws OperatingError, with nothing left open:
 * `configuration`, `postgres_unreachable`, `not_ready` where the reconciler's tables are not up to date. Redis may be away.
 */
export async function openReporter(options: OpenReporterOptions = {}): Promise<Reporter> {
  const parts = new OpenParts();
  try {
    return await open(options, parts);
  } catch (error) {
    await parts.close();
    throw asOperatingError(error);
  }
}

async function open({ config, env, onTrouble }: OpenReporterOptions, parts: OpenParts): Promise<Reporter> {
  const tell = (error: unknown): void => onTrouble?.(asOperatingError(error));
  const { database, markerRedis, sources } = await loadConfig({
    path: config,
    env: env ?? readEnvironment(),
    cwd: process.cwd(),
  });
  const pool = connectPostgres({
    url: database.url,
    applicationName: 'claim-reconciler report',
    connectionsMax,
    statementTimeoutMs,
    onError: tell,
  });
  parts.add(() => endPool(pool, closeMs));
  const connectionName = 'claim-reconciler:report';
  const markers = connectMarkers(markerRedis.url, { connectionName, onError: tell });
  parts.add(() => endRedis(markers, closeMs));
  await assertMigrated(pool);
  await untilMarkersReady(markers, redisReadyMs).catch(tell);
  const take = openReportDesk({
    pool,
    markers,
    sources,
    namespace: defaultNamespace,
    distributors: new Map(),
    limits: defaultPassLimits,
  });
  return whileOpen(take, parts);
}

/** Reports that are on their way when it is closed are waited for. */
function whileOpen(take: ReturnType<typeof openReportDesk>, parts: OpenParts): Reporter {
  const by = `${hostname()}:${process.pid}`;
  const onTheirWay = new Set<Promise<unknown>>();
  let closing: Promise<void> | undefined;
  return {
    report: async (failed) => {
      if (closing !== undefined) {
        throw new OperatingError('not_ready', 'The reporter is closed; the report was not stored.');
      }
      const taking = take(failed, by);
      onTheirWay.add(taking);
      try {
        return await taking;
      } finally {
        onTheirWay.delete(taking);
      }
    },
    close: async () => (closing ??= Promise.allSettled(onTheirWay).then(() => parts.close())),
  };
}
