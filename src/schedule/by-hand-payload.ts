/**
 * What a job that a person asked for carries: keys, never decisions, so that running one twice is harmless.
 * Invariants kept: nothing is run that does not have this shape (anyone with access to the queue's Redis can write a job);
 * a repair only plans unless `apply` says otherwise; the brake holds for all of them, and cannot be passed from here.
 */
import { z } from 'zod';
import { readPayload, sourceNameSchema, type PayloadReading } from './read-payload.ts';

/** Longer than any honest id, key or name. */
const text = z.string().max(20_000);
const person = z.string().min(1).max(200);
const number = z.string().regex(/^\d{1,18}$/, 'must be a number, as text');

export const repairTargetSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('range'), fromId: text, toId: text }),
  z.strictObject({ kind: z.literal('claim'), id: text }),
  z.strictObject({ kind: z.literal('marker'), key: text }),
]);

export const undoTargetSchema = z.union([
  z.strictObject({ repairId: number }),
  z.strictObject({ passId: number }),
]);

const repair = z.strictObject({
  task: z.literal('repair').describe('Judges a range of claims, one claim or one marker.'),
  source: sourceNameSchema,
  target: repairTargetSchema,
  apply: z.boolean().default(false).describe('Carries the repairs out; without it they are only planned.'),
});
const applyPlan = z.strictObject({
  task: z.literal('apply_plan').describe('Carries out what another job has planned, item by item.'),
  planJob: z.string().min(1).max(200).describe('The id of the job that planned.'),
});
const undo = z.strictObject({
  task: z.literal('undo').describe('Takes back a repair, or all of a pass.'),
  which: undoTargetSchema,
});

/** What people fill in. */
const requestSchema = z.discriminatedUnion('task', [repair, applyPlan, undo]);
/** Who they are is added by whoever takes it from them. */
const by = { by: person };
const schema = z.discriminatedUnion('task', [repair.extend(by), applyPlan.extend(by), undo.extend(by)]);

export type ByHandPayload = z.infer<typeof schema>;

/** Reads what came out of the queue. */
export function readByHandPayload(data: unknown): PayloadReading<ByHandPayload> {
  return readPayload(schema, 'a repair by hand', data);
}

/** What people fill in, as JSON Schema. */
export function describeByHandRequest(): Record<string, unknown> {
  return z.toJSONSchema(requestSchema, { io: 'input' });
}

/** Such as `plan the repair of claim 17 of gifts`; texts from users are cut. */
export function nameByHand(payload: ByHandPayload): string {
  switch (payload.task) {
    case 'repair':
      return `${payload.apply ? 'repair' : 'plan the repair of'} ${nameTarget(payload.target)} of ${payload.source}`;
    case 'apply_plan':
      return `carry out the plan of job ${payload.planJob}`;
    case 'undo':
      return 'repairId' in payload.which
        ? `undo repair ${payload.which.repairId}`
        : `undo the repairs of pass ${payload.which.passId}`;
  }
}

function nameTarget(target: z.infer<typeof repairTargetSchema>): string {
  switch (target.kind) {
    case 'range':
      return `claims ${cut(target.fromId)} to ${cut(target.toId)}`;
    case 'claim':
      return `claim ${cut(target.id)}`;
    case 'marker':
      return `marker ${cut(target.key)}`;
  }
}

function cut(words: string): string {
  const characters = Array.from(words);
  return characters.length <= 80 ? words : `${characters.slice(0, 80).join('')}…`;
}
