/**
 * A plan as a file: written for review, applied later. It says what was seen and what is to be done about it, of which
 * source, database and schema; what was seen must still be there when it is applied (see `review-plan.ts`).
 * Invariant kept: a plan of another source, database or schema version is refused as a whole, before anything is changed.
 */
import { z } from 'zod';
import { OperatingError } from '../domain/operating-error.ts';
import { repairKinds } from '../domain/repair-action.ts';
import { verdicts } from '../domain/verdict.ts';
import { readCheckpoint } from '../postgres/checkpoint.ts';
import { readSchemaVersion } from '../postgres/migrate.ts';
import { describeDecision } from './describe-plan.ts';
import type { Plan } from './plan-repairs.ts';
import type { SourceContext } from './source-context.ts';

const marker = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('absent') }),
  z.strictObject({ kind: z.literal('present'), value: z.string(), expiresInMs: z.number().nullable() }),
  z.strictObject({ kind: z.literal('undecodable'), reason: z.string() }),
]);

const item = z.strictObject({
  /** Null: a marker without a row. */
  claimId: z.string().nullable(),
  markerKey: z.string(),
  verdict: z.enum(verdicts),
  /** The version of the row; null without one. */
  changeXid: z.string().nullable(),
  /** The marker, and when it was read: Unix milliseconds by the database. */
  marker,
  atMs: z.number(),
  action: z.enum(repairKinds),
  /** The same for people. */
  would: z.string(),
});

export type PlanItem = z.infer<typeof item>;

/** As discrepancies name what they are about. */
export function subjectOfItem({ claimId, markerKey }: Pick<PlanItem, 'claimId' | 'markerKey'>): string {
  return claimId === null ? `marker:${markerKey}` : `claim:${claimId}`;
}

/** As many as a plan holds at most. */
const itemsMax = 20_001;

const planFileSchema = z.strictObject({
  kind: z.literal('claim-reconciler plan'),
  version: z.literal(1),
  source: z.string(),
  madeAt: z.string(),
  madeBy: z.string(),
  database: z.strictObject({
    systemIdentifier: z.string(),
    timeline: z.string(),
    databaseOid: z.string(),
    tableOid: z.string(),
    schemaVersion: z.string(),
  }),
  items: z
    .array(item)
    .max(itemsMax)
    .refine((items) => new Set(items.map(subjectOfItem)).size === items.length),
});

export type PlanFile = z.infer<typeof planFileSchema>;

/** The plan's repairs as a file; what is told to people or looked at again later is not in it. */
export async function asPlanFile(context: SourceContext, plan: Plan, madeBy: string): Promise<PlanFile> {
  return {
    kind: 'claim-reconciler plan',
    version: 1,
    source: context.source.name,
    madeAt: new Date(context.nowMs()).toISOString(),
    madeBy,
    database: await readIdentity(context),
    items: plan.repairs.map(({ discrepancy, look, verdict, decision, action }): PlanItem => {
      if (look.marker.kind === 'unread') throw new Error('a marker that was not read was planned for');
      return {
        claimId: discrepancy.claimId,
        markerKey: action.key,
        verdict,
        changeXid: look.claim.kind === 'no_row' ? null : look.claim.changeXid,
        marker: look.marker,
        atMs: look.atMs,
        action: action.kind,
        would: describeDecision(decision),
      };
    }),
  };
}

/** Throws `configuration` for what is no plan. */
export function readPlanFile(text: string, name: string): PlanFile {
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch (error) {
    throw new OperatingError('configuration', `${name} is no plan: it is not JSON. Nothing was changed.`, {
      cause: error,
    });
  }
  const parsed = planFileSchema.safeParse(said);
  if (parsed.success) return parsed.data;
  const [first] = parsed.error.issues;
  const where = first === undefined || first.path.length === 0 ? '' : ` (at ${first.path.join('.')})`;
  throw new OperatingError(
    'configuration',
    `${name} is no plan that this version can read${where}. Nothing was changed. Plans are written by: ` +
      'claim-reconciler repair … --plan-out FILE',
  );
}

/** Throws `configuration` with all that differs. */
export async function assertSamePlace(context: SourceContext, file: PlanFile): Promise<void> {
  const now = await readIdentity(context);
  const words: Record<keyof PlanFile['database'], string> = {
    systemIdentifier: 'another database cluster',
    timeline: 'another timeline: a standby was promoted or a backup restored since',
    databaseOid: 'another database',
    tableOid: 'another claim table',
    schemaVersion: `another version of the schema (${file.database.schemaVersion}, it is ${now.schemaVersion} now)`,
  };
  const names = ['systemIdentifier', 'timeline', 'databaseOid', 'tableOid', 'schemaVersion'] as const;
  const wrong = names.filter((name) => file.database[name] !== now[name]).map((name) => words[name]);
  if (file.source !== context.source.name) wrong.unshift(`the source ${file.source}`);
  if (wrong.length === 0) return;
  throw new OperatingError(
    'configuration',
    `The plan is refused, and nothing was changed: it was made for ${wrong.join('; for ')}. Make a new one.`,
  );
}

async function readIdentity({ pool, sql }: SourceContext): Promise<PlanFile['database']> {
  const { systemIdentifier, timeline, databaseOid, tableOid } = (await readCheckpoint(pool, sql)).database;
  return { systemIdentifier, timeline, databaseOid, tableOid, schemaVersion: await readSchemaVersion(pool) };
}
