/**
 * Job: drops what nobody looks at any more. Claims, checkpoints, discrepancies, the journal and alerts are never
 * dropped.
 */
import { z } from 'zod';
import { thinHorizonSamples } from '../src/postgres/horizon.ts';
import { dropOldRecords } from '../src/postgres/pass.ts';
import { dropOldReports } from '../src/postgres/report.ts';
import type { JobDeps, JobReporter } from './job.ts';

export const name = 'housekeeping';

export const payloadSchema = z.strictObject({});

export type Payload = z.infer<typeof payloadSchema>;

export async function run(
  _payload: Payload,
  deps: Pick<JobDeps, 'pool'>,
  report: JobReporter,
): Promise<{ dropped: number }> {
  const { pool } = deps;
  const dropped =
    (await thinHorizonSamples(pool)) + (await dropOldRecords(pool)) + (await dropOldReports(pool));
  report.log(`Dropped ${dropped} old records: horizon samples, passes, slots, reports.`);
  return { dropped };
}
