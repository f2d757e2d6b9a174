/**
 * The demo's proof that the repairs hold: every claim is judged once more from the beginning, while the daemon runs.
 */
import type pg from 'pg';
import { silentReporter } from '../../jobs/job.ts';
import { run as runPass } from '../../jobs/pass.ts';
import { createLog } from '../app/log.ts';
import { sentencesOf } from '../app/log-sentences.ts';
import { openDeps } from '../app/open-deps.ts';
import type { Config } from '../config.ts';
import { rewindSource } from '../reconcile/rewind-source.ts';
import { underTerm } from '../reconcile/under-term.ts';
import { readDiscrepancies } from './demo-readings.ts';

export interface SecondLook {
  readonly judged: number;
  /** Claims that look wrong now and did not the first time. */
  readonly found: number;
}

const patienceMs = 20_000;

/** Rewinds each source to the beginning and judges all its claims again, beside the daemon's own passes. */
export async function lookAgain(config: Config, namespace: string, signal: AbortSignal): Promise<SecondLook> {
  const sentences = sentencesOf(createLog({ level: 'error', descriptor: 2, pretty: false }));
  const deps = await openDeps(config, sentences, namespace);
  try {
    await deps.untilRedisReady();
    const before = await readDiscrepancies(deps.pool);
    const firstPass = await lastPassId(deps.pool);
    for (const { name: source } of config.sources) {
      await underTerm(deps, { source, patienceMs }, signal, (context, term) =>
        rewindSource(context, term, { kind: 'beginning' }),
      );
      await runPass({ source, by: 'demo', force: false, waits: true }, deps, silentReporter, signal);
    }
    const after = await readDiscrepancies(deps.pool);
    return { judged: await judgedSince(deps.pool, firstPass), found: after.length - before.length };
  } finally {
    await deps.close();
  }
}

async function lastPassId(pool: pg.Pool): Promise<string> {
  const { rows } = await pool.query<{ id: string }>(
    'select coalesce(max(id), 0)::text as id from reconciler.pass',
  );
  return rows[0]?.id ?? '0';
}

/** The daemon's passes count too: whichever comes first after the rewind reads the claims. */
async function judgedSince(pool: pg.Pool, passId: string): Promise<number> {
  const { rows } = await pool.query<{ judged: number }>(
    `select coalesce(sum((report ->> 'checked')::int), 0)::int as judged from reconciler.pass where id > $1`,
    [passId],
  );
  return rows[0]?.judged ?? 0;
}
