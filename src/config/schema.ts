/**
 * The schema of the whole file, apart from the inside of a source (`source-schema.ts`).
 * Does not compare keys with each other: see `agreement.ts`.
 */
import { z } from 'zod';
import { readRedisHosts } from '../domain/redis-url.ts';
import { alertsSchema } from './alerts-schema.ts';
import { canarySchema } from './canary-schema.ts';
import { anyNumberOf, choice, field, integer, optionalSection, section, text } from './fields.ts';
import { kindOf } from './problem.ts';
import { readingSchema } from './reading-schema.ts';
import { sourceSchema, type ScheduleCheck } from './source-schema.ts';

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

export type LogLevel = (typeof logLevels)[number];

export const httpDefaults = { host: '127.0.0.1', port: 3020 } as const;

export function configSchema(checkSchedule: ScheduleCheck) {
  return section({
    database: optionalSection({ url: postgresUrl() }),
    markerRedis: optionalSection({ url: redisUrl('REDIS_URL') }),
    queueRedis: optionalSection({ url: redisUrl('QUEUE_REDIS_URL').optional() }),
    http: optionalSection({
      host: text('must be the address to listen on, such as 127.0.0.1 or 0.0.0.0').default(httpDefaults.host),
      port: integer(0, 65_535).default(httpDefaults.port),
      credentials: anyNumberOf(
        section({
          username: field('must be a name without a colon', (value) =>
            value === '' || value.includes(':') ? undefined : value,
          ),
          password: text('must be a password'),
        }),
      ).default([]),
      readOnly: choice(['true', 'false']).default('false'),
    }),
    log: optionalSection({ level: choice(logLevels).default('info') }),
    timezone: timezone().default('UTC'),
    reading: readingSchema(),
    alerts: alertsSchema(),
    canary: canarySchema(),
    sources: z.record(z.string(), sourceSchema(checkSchedule), {
      error: (issue) =>
        issue.input === undefined
          ? 'is missing; it must be a map with a key for each source, such as gifts'
          : `must be a map with a key for each source, such as gifts; it is ${kindOf(issue.input)}`,
    }),
  });
}

function postgresUrl(): z.ZodType<string> {
  return url(
    'must be the URL of the Postgres that holds the claims, such as postgres://user:password@host:5432/name',
    'DATABASE_URL',
    (value) => hasProtocol(value, ['postgres:', 'postgresql:']),
  );
}

/** What is wrong with one of several hosts is told by `redis-agreement.ts`. */
function redisUrl(variable: string): z.ZodType<string> {
  return url(
    'must be the URL of a Redis, such as redis://user:password@host:6379/0, or rediss:// for TLS; through Sentinels it is ' +
      'redis+sentinel://user:password@host:26379,host:26379/name/0, and a Cluster redis+cluster://user:password@host:6379,host:6379',
    variable,
    (value) => readRedisHosts(value) !== null || hasProtocol(value, ['redis:', 'rediss:']),
  );
}

/** Passed on as it is; the stores' own clients read the rest of it. */
function url(mustBe: string, variable: string, isGood: (value: string) => boolean): z.ZodType<string> {
  const hint = `(${variable}, if set, wins; characters such as @ / : # in a password must be percent-encoded)`;
  return field(`${mustBe} ${hint}`, (value) => (isGood(value) ? value : undefined));
}

function hasProtocol(value: string, protocols: readonly string[]): boolean {
  return URL.canParse(value) && protocols.includes(new URL(value).protocol);
}

function timezone(): z.ZodType<string> {
  return field('must be the name of a time zone, such as UTC or Asia/Shanghai', (value) => {
    try {
      Intl.DateTimeFormat('en', { timeZone: value });
      return value;
    } catch {
      return undefined;
    }
  });
}
