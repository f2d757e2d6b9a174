/**
 * The schema of one source: the shape of each key and its default, with the reason beside the number.
 * Does not compare keys with each other: see `agreement.ts`.
 */
import { z } from 'zod';
import type { ClaimPosition } from '../domain/source.ts';
import { parseTemplate, type Template } from '../domain/template.ts';
import { defaultPolicy, treatments, type BadVerdict, type Treatment } from '../domain/verdict.ts';
import { distributorSchema } from './distributor-schema.ts';
import { parseDuration } from './duration.ts';
import {
  choice,
  duration,
  field,
  identifier,
  integer,
  isIdentifier,
  optionalSection,
  section,
  share,
  text,
  texts,
} from './fields.ts';

const dayMs = 86_400_000;
/** An overlap of more ids would hardly be one. */
const idsMax = 1_000_000_000;

export const sourceDefaults = {
  changeColumn: 'change_xid',
  /** Longer than any request that writes a claim and its marker should take. */
  graceMs: 60_000,
  toleranceMs: 60_000,
  /** Detection within seconds; a pass over an unchanged table costs two short queries. */
  schedule: '*/10 * * * * *',
  /** A replica that lags by an hour is noticed by others first. */
  rewindMs: 3_600_000,
  brake: { repairsPerPlan: 500, repairsPerHour: 2_000, share: 0.05, shareSample: 200 },
} as const;

/** Words about a cron expression that will not do; null for one that will. */
export type ScheduleCheck = (expression: string) => string | null;

export function sourceSchema(checkSchedule: ScheduleCheck) {
  return section({
    table: field('must name the claim table, as table or schema.table', parseTable),
    columns: section({
      id: identifier('the column that identifies a claim'),
      attempt: identifier('the column that holds the attempt'),
      status: identifier('the column that holds the status'),
      change: identifier('the xid8 column that the trigger stamps').optional(),
      expiresAt: identifier('the column that says when the marker expires').optional(),
      createdAt: identifier('the column that says when the claim was made').optional(),
    }),
    position: section({
      column: identifier(
        'the column that rows are found by: one that grows, such as updated_at, created_at or id',
      ),
      overlap: overlap(),
    }).optional(),
    marker: section({
      key: template('must be the key of the marker, such as gift:{activity_id}:{uid}'),
      value: template(
        'must be what the marker holds: a template such as {attempt_id}, or any if it holds a constant',
      ),
      hashField: text('must name the field of the hash that holds the value').optional(),
      valueIsUnique: choice(['true', 'false']).optional(),
      ttl: field('must be a duration such as 30s, at most 3650d, or never', readTtl).optional(),
      tolerance: duration({ maxMs: 3_650 * dayMs }).optional(),
    }),
    statuses: section({
      pending: texts('must be a status word or a list of them', 0).default([]),
      granted: texts('must be a status word or a list of them', 1),
      released: texts('must be a status word or a list of them', 0).default([]),
    }),
    mode: choice(
      ['observe', 'repair'],
      ' (observe records what is wrong, repair also puts it right; there is no default, because whether markers are ' +
        'changed is for a person to say)',
    ),
    // Samples of the horizon are kept for a week: with a grace beyond that nothing would ever be read.
    grace: duration({ maxMs: dayMs }).default(sourceDefaults.graceMs),
    schedule: schedule(checkSchedule).default(sourceDefaults.schedule),
    policy: policy(),
    brake: brake(),
    distributor: distributorSchema(),
    rewind: duration({ maxMs: 7 * dayMs, allowsZero: true }).default(sourceDefaults.rewindMs),
  });
}

export type SourceInput = z.output<ReturnType<typeof sourceSchema>>;

function readTtl(value: string): number | 'never' | undefined {
  const ms = parseDuration(value);
  if (value === 'never') return value;
  return ms === null || ms === 0 || ms > 3_650 * dayMs ? undefined : ms;
}

/** Its kind must fit the column's type, which only the live table tells. */
function overlap(): z.ZodType<ClaimPosition['overlap']> {
  const mustBe =
    'must be a duration with its unit, such as 10m, at most 7d, for a column that holds times, or a number of ids, ' +
    'such as 10000, for one that holds whole numbers; more than 0';
  return field(mustBe, (value) => {
    const count = /^\d{1,10}$/.test(value) ? Number(value) : 0;
    if (count > 0 && count <= idsMax) return { kind: 'ids', count };
    const ms = parseDuration(value);
    return ms === null || ms === 0 || ms > 7 * dayMs ? undefined : { kind: 'time', ms };
  });
}

/** `any` is no template: the caller tells it from one. */
function template(mustBe: string): z.ZodType<{ readonly text: string; readonly parts: Template }> {
  return field(mustBe, (value) => (value === '' ? undefined : { text: value, parts: parseTemplate(value) }));
}

function parseTable(value: string): { schema: string; name: string } | undefined {
  const parts = value.split('.');
  const [schema, name] = parts.length === 1 ? ['public', value] : parts;
  if (schema === undefined || name === undefined || parts.length > 2) return undefined;
  return isIdentifier(schema) && isIdentifier(name) ? { schema, name } : undefined;
}

function schedule(check: ScheduleCheck): z.ZodType<string> {
  const mustBe =
    'must be a cron expression of five fields, or six with seconds first, such as "*/10 * * * * *"';
  return text(mustBe).superRefine((expression, context) => {
    const fieldCount = expression.split(/\s+/).length;
    const trouble = fieldCount === 5 || fieldCount === 6 ? check(expression) : '';
    if (trouble !== null) {
      context.addIssue({ code: 'custom', message: trouble === '' ? mustBe : `${mustBe} (${trouble})` });
    }
  });
}

function policy() {
  const treatment = (verdict: BadVerdict) => choice(treatments).default(defaultPolicy[verdict]);
  const unrepairable = (verdict: BadVerdict) =>
    choice<Treatment>(['alert', 'ignore'], ' (it cannot be repaired: nothing is safe to change)').default(
      defaultPolicy[verdict],
    );
  return optionalSection({
    missing_marker: treatment('missing_marker'),
    immortal_marker: treatment('immortal_marker'),
    wrong_expiry: treatment('wrong_expiry'),
    conflicting_marker: treatment('conflicting_marker'),
    in_doubt: treatment('in_doubt'),
    orphan_marker: treatment('orphan_marker'),
    rowless_marker: treatment('rowless_marker'),
    unreadable_marker: unrepairable('unreadable_marker'),
    unreadable_claim: unrepairable('unreadable_claim'),
  } satisfies Record<BadVerdict, z.ZodType<Treatment>>);
}

function brake() {
  const defaults = sourceDefaults.brake;
  return optionalSection({
    repairsPerPlan: integer(1, 20_000).default(defaults.repairsPerPlan),
    repairsPerHour: integer(1, 1_000_000).default(defaults.repairsPerHour),
    share: share().default(defaults.share),
    shareSample: integer(1, 1_000_000_000).default(defaults.shareSample),
  });
}
