/**
 * Waits until the stores answer, then makes sure that schema, tables and rights are in order.
 * Invariant kept: a daemon with a wrong configuration does not start; one whose stores are down waits for them.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { OperatingError } from '../domain/operating-error.ts';
import { asOperatingError } from '../postgres/as-operating-error.ts';
import { inspectTable } from '../postgres/inspect-table.ts';
import { assertMigrated } from '../postgres/migrate.ts';
import type { Sentences } from './log-sentences.ts';
import type { OpenDeps } from './open-deps.ts';
import { redisRightsProblems } from './redis-rights.ts';

const retryMs = 1_000;

/**
 * @param prepare what is to be done in the stores before work begins; tried again like the rest
 * Throws `not_ready` or `configuration` with all problems; the signal's reason when asked to stop meanwhile.
 */
export async function untilStoresReady(
  deps: OpenDeps,
  sentences: Sentences,
  signal: AbortSignal,
  prepare: () => Promise<void>,
): Promise<void> {
  let told = '';
  for (;;) {
    signal.throwIfAborted();
    try {
      await deps.untilRedisReady();
      await assertInOrder(deps);
      await prepare();
      return;
    } catch (error) {
      const trouble = asOperatingError(error);
      if (trouble.code !== 'postgres_unreachable' && trouble.code !== 'redis_unreachable') throw trouble;
      if (trouble.message !== told) sentences.waiting(trouble);
      told = trouble.message;
      await wait(retryMs, undefined, { signal });
    }
  }
}

async function assertInOrder(deps: OpenDeps): Promise<void> {
  const { pool, sources } = deps;
  await assertMigrated(pool);
  const refused = await redisRightsProblems(deps);
  const problems = refused.map(({ where, text }) => `  - ${where}: ${text}`);
  for (const source of sources) {
    const found = await inspectTable(pool, source);
    problems.push(...found.problems.map((problem) => `  - sources.${source.name}: ${problem}`));
  }
  if (problems.length > 0) {
    throw new OperatingError(
      'configuration',
      `The daemon does not start; nothing was changed:\n${problems.join('\n')}`,
    );
  }
}
