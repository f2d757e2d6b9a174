/**
 * The configuration: one file, with the environment filled in, checked as a whole.
 * Invariants kept: every problem is reported at once, with its place; no secret gets into a message; nothing is guessed
 * that changes what is repaired. This file alone reads the process's environment.
 * Does not look at the stores: whether a table is there is seen in `postgres/inspect-table.ts`.
 */
import { dirname } from 'node:path';
import type { z } from 'zod';
import type { CanaryRules } from './domain/canary.ts';
import type { Receiver } from './domain/alert-message.ts';
import type { Source } from './domain/source.ts';
import { buildReceivers } from './config/alerts-schema.ts';
import { buildCanary, buildCanarySource } from './config/canary-schema.ts';
import { findDisagreements, findOddities } from './config/agreement.ts';
import { buildSource } from './config/build-source.ts';
import { applyEnvironment } from './config/environment.ts';
import { configurationError, formatPath, type Problem } from './config/problem.ts';
import { readConfigFile } from './config/read-file.ts';
import { buildReading, type ReadingRules } from './config/reading-schema.ts';
import { configSchema, type LogLevel } from './config/schema.ts';
import type { ScheduleCheck } from './config/source-schema.ts';

export interface Config {
  readonly database: { readonly url: string };
  readonly markerRedis: { readonly url: string };
  /** The marker Redis unless configured otherwise. */
  readonly queueRedis: { readonly url: string };
  readonly http: {
    readonly host: string;
    /** 0: any free port. */
    readonly port: number;
    /** Of all who may see the dashboard and change things there; without any nothing can be changed over HTTP. */
    readonly credentials: readonly { readonly username: string; readonly password: string }[];
    /** Nothing can be changed on the dashboard, whoever asks. */
    readonly readOnly: boolean;
  };
  readonly log: { readonly level: LogLevel };
  /** In which cron expressions are read. */
  readonly timezone: string;
  readonly reading: ReadingRules;
  readonly alerts: {
    /** Who is told beside the log; in the order of the file. */
    readonly receivers: readonly Receiver[];
    readonly runbook: string;
  };
  /** Null: there is none. */
  readonly canary: CanaryRules | null;
  /** At least one, in the order of the file; the canary's, where there is one, comes last. */
  readonly sources: readonly Source[];
}

export interface LoadedConfig extends Config {
  /** The file this was read from, absolute. */
  readonly file: string;
  /** What is allowed but hardly meant, a line each. */
  readonly warnings: readonly string[];
}

export interface LoadOptions {
  /** The file; unless given RECONCILER_CONFIG, or the usual name in `cwd`. */
  readonly path?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Judges a cron expression: what is wrong with it in words, or null. Without it only the fields are counted. */
  readonly validateSchedule?: ScheduleCheck;
}

/** Throws OperatingError `configuration`, whose message lists all problems, one a line. */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const { path: file, tree: written } = await readConfigFile(options);
  const { tree, problems: unset, variableOf } = applyEnvironment(written, options.env);
  const parsed = configSchema(options.validateSchedule ?? (() => null)).safeParse(tree);
  const issues = parsed.success ? [] : parsed.error.issues.flatMap(problemsOfIssue);
  // A variable that is not set is told once, not also as a value that will not do.
  const unsetAt = new Set(unset.map(({ path }) => formatPath(path)));
  const others = [...issues, ...findDisagreements(tree)].filter(({ path }) => !unsetAt.has(formatPath(path)));
  const problems = [...unset, ...others].map((problem) => {
    const from = variableOf.get(formatPath(problem.path));
    return from === undefined ? problem : { ...problem, from };
  });
  if (!parsed.success || problems.length > 0) throw configurationError(file, problems, written);
  const { data } = parsed;
  return {
    file,
    warnings: findOddities(tree).map(({ path, message }) => `${formatPath(path)}: ${message}`),
    database: data.database,
    markerRedis: data.markerRedis,
    queueRedis: { url: data.queueRedis.url ?? data.markerRedis.url },
    http: { ...data.http, readOnly: data.http.readOnly === 'true' },
    log: data.log,
    timezone: data.timezone,
    reading: buildReading(data.reading),
    alerts: { ...data.alerts, receivers: buildReceivers(data.alerts.receivers) },
    canary: buildCanary(data.canary),
    sources: [
      ...Object.entries(data.sources).map(([name, source]) => buildSource(name, source, dirname(file))),
      ...(data.canary === undefined ? [] : [buildCanarySource()]),
    ],
  };
}

/** The process's environment, for the one place that hands it to everybody else. */
export function readEnvironment(): NodeJS.ProcessEnv {
  return process.env;
}

/** An issue about unknown keys is about each of them; its message has a line for each. */
function problemsOfIssue(issue: z.core.$ZodIssue): Problem[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  if (issue.code !== 'unrecognized_keys')
    return [{ path, message: issue.message, showsValue: issue.code === 'custom' }];
  const messages = issue.message.split('\n');
  return issue.keys.map((key, at) => ({ path: [...path, key], message: messages[at] ?? issue.message }));
}
