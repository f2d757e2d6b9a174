/**
 * What the configuration makes of the sizes of reading.
 */
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { sentencesOf } from '../../src/app/log-sentences.ts';
import { openDeps } from '../../src/app/open-deps.ts';
import { loadConfig } from '../../src/config.ts';
import type { PassLimits } from '../../src/reconcile/source-context.ts';
import { shopConfig } from '../cli/support/shop-config.ts';
import { useProgram } from '../cli/support/program.ts';

const program = useProgram();

/** Of stores that need not be there. */
async function limitsOf(reading: string): Promise<PassLimits> {
  const nowhere = { databaseUrl: 'postgres://127.0.0.1:1/none', redisUrl: 'redis://127.0.0.1:1' };
  const path = await program.write('reading.yaml', shopConfig(nowhere, { reading }));
  const config = await loadConfig({ path, env: {}, cwd: program.folder() });
  const deps = await openDeps(config, sentencesOf(pino({ level: 'silent' })));
  await deps.close();
  return deps.limits;
}

it('pages and chunks are of the usual size unless told otherwise', async () => {
  expect(await limitsOf('{}')).toMatchObject({
    rowsPerPage: 50_000,
    chunks: { over: 500_000, rows: 100_000, offeredForMs: 2_000 },
  });
  expect(await limitsOf('{ chunks: { over: 0, rows: 2000 } }')).toMatchObject({
    chunks: { over: 0, rows: 2_000 },
  });
});

it('under a rate a page holds what a second allows, a chunk what ten do: many are judged at a time, and all are to end', async () => {
  expect(await limitsOf('{ rowsPerSecond: 400 }')).toMatchObject({
    rowsPerPage: 400,
    chunks: { rows: 4_000 },
  });
  expect(await limitsOf('{ rowsPerSecond: 400, chunks: { rows: 2000 } }')).toMatchObject({
    chunks: { rows: 2_000 },
  });
});
