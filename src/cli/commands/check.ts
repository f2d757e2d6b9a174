/**
 * `check`: is everything in place to start? Configuration, tables, privileges, both Redis servers, all problems at once.
 * Writes nothing.
 */
import { exitCodes, type ExitCode } from '../../domain/exit-code.ts';
import { queueStoreWarnings, repairObstacles, storeWarnings } from '../../domain/marker-store.ts';
import { refusals } from '../../domain/validity.ts';
import { asOperatingError } from '../../postgres/as-operating-error.ts';
import { readCheckpoint } from '../../postgres/checkpoint.ts';
import { inspectTable } from '../../postgres/inspect-table.ts';
import { pendingMigrations } from '../../postgres/migrate.ts';
import { describeSource } from '../../postgres/source-sql.ts';
import { readMarkerStore, readQueueStore } from '../../redis/marker-store.ts';
import type { OpenDeps } from '../../app/open-deps.ts';
import type { CommandIo } from '../io.ts';
import { redisRightsProblems } from '../../app/redis-rights.ts';
import { count, printable } from '../../app/text-table.ts';
import { runCommand, type CommonOptions } from '../run-command.ts';

interface Finding {
  readonly where: string;
  readonly grade: 'problem' | 'warning';
  readonly text: string;
}

export async function runCheck(options: CommonOptions, io: CommandIo): Promise<ExitCode> {
  return runCommand(options, io, async ({ config, deps }) => {
    const warnings = config.warnings.map((text): Finding => ({
      where: 'configuration',
      grade: 'warning',
      text,
    }));
    const findings = [...warnings, ...(await checkPostgres(deps)), ...(await checkRedis(deps))];
    const problems = findings.filter(({ grade }) => grade === 'problem').length;
    if (options.json === true) io.out(JSON.stringify({ ok: problems === 0, findings }));
    else {
      for (const { where, grade, text } of findings) io.out(printable(`${grade}  ${where}: ${text}`));
      const names = config.sources.map(({ name }) => name).join(', ');
      io.out(
        problems === 0
          ? `Ready: configuration, Postgres, Redis and the sources ${names} are in order.`
          : `${count(problems, 'problem')}; the daemon would not start or not work. Nothing was changed.`,
      );
    }
    return problems === 0 ? exitCodes.ok : exitCodes.usage;
  });
}

async function checkPostgres(deps: OpenDeps): Promise<Finding[]> {
  const { pool, sources } = deps;
  try {
    const pending = await pendingMigrations(pool);
    const findings: Finding[] = pending.map((name) => ({
      where: 'postgres',
      grade: 'problem',
      text: `the migration ${name} is missing; run: claim-reconciler migrate`,
    }));
    for (const source of sources) {
      const { problems, warnings, idType, positionType } = await inspectTable(pool, source);
      const where = `sources.${source.name}`;
      findings.push(...problems.map((text): Finding => ({ where, grade: 'problem', text })));
      findings.push(...warnings.map((text): Finding => ({ where, grade: 'warning', text })));
      if (pending.length + problems.length > 0) continue;
      const { checkpoint, database } = await readCheckpoint(
        pool,
        describeSource(source, idType, positionType),
      );
      for (const reason of refusals(checkpoint?.database ?? null, database)) {
        findings.push({
          where,
          grade: 'problem',
          text: `its checkpoint is refused, and passes would judge nothing: ${reason}`,
        });
      }
    }
    return findings;
  } catch (error) {
    return [{ where: 'postgres', grade: 'problem', text: asOperatingError(error).message }];
  }
}

async function checkRedis(deps: OpenDeps): Promise<Finding[]> {
  try {
    await deps.untilRedisReady();
    const refused = await redisRightsProblems(deps);
    if (refused.length > 0) return refused.map((problem): Finding => ({ ...problem, grade: 'problem' }));
    const { markers, leases, limits } = deps;
    const store = await readMarkerStore(markers, limits.callTimeoutMs);
    const queueStore = await readQueueStore(leases, limits.callTimeoutMs);
    const where = 'marker redis';
    return [
      ...repairObstacles(store).map((text): Finding => ({ where, grade: 'problem', text })),
      ...storeWarnings(store).map((text): Finding => ({ where, grade: 'warning', text })),
      ...queueStoreWarnings(queueStore).map((text): Finding => ({
        where: 'queue redis',
        grade: 'warning',
        text,
      })),
    ];
  } catch (error) {
    return [{ where: 'redis', grade: 'problem', text: asOperatingError(error).message }];
  }
}
