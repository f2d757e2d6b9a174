/**
 * `adopt`: proposes the configuration and the migration for a claim table that exists already.
 * Invariant kept: changes nothing; files are written only where they are asked for, and never over others.
 */
import { isIdentifier } from '../../config/fields.ts';
import { exitCodes, type ExitCode } from '../../domain/exit-code.ts';
import { OperatingError } from '../../domain/operating-error.ts';
import { describeBytes } from '../../postgres/adoption/plan-migration.ts';
import { withAdoptionStores, type AdoptionUrls } from '../../app/open-adoption.ts';
import { count, printable } from '../../app/text-table.ts';
import { adoptTable, type Adoption } from '../../reconcile/adopt-table.ts';
import { configLines, sqlLines } from '../adopted-lines.ts';
import type { CommandIo } from '../io.ts';
import { readConfig, reportError, type CommonOptions } from '../run-command.ts';
import { writeNew } from './new-file.ts';

export interface AdoptOptions extends CommonOptions {
  readonly table: string;
  readonly key?: readonly string[];
  readonly source?: string;
  readonly configOut?: string;
  readonly sqlOut?: string;
  /** False with --no-alter. */
  readonly alter?: boolean;
}

export async function runAdopt(options: AdoptOptions, io: CommandIo): Promise<ExitCode> {
  try {
    const table = readTable(options.table);
    const source = options.source ?? nameFor(table.name);
    const urls = await storesToLookInto(options, io);
    const adoption = await withAdoptionStores(urls, async (stores) =>
      adoptTable(stores, { table, source, keys: options.key ?? [], mayAlter: options.alter !== false }),
    );
    const config = configLines(adoption.source);
    const sql = sqlLines(adoption.steps, adoption.isMigrated);
    await writeFiles(options, config, sql, io);
    if (options.json === true) {
      io.out(JSON.stringify({ ...adoption, config: `${config.join('\n')}\n`, sql: `${sql.join('\n')}\n` }));
    } else {
      for (const line of describe(adoption, options, config, sql)) io.out(printable(line));
    }
    return exitCodes.ok;
  } catch (error) {
    return reportError(error, io, options.json === true);
  }
}

function readTable(text: string): { schema: string; name: string } {
  const [first = '', second, ...rest] = text.split('.');
  const table = second === undefined ? { schema: 'public', name: first } : { schema: first, name: second };
  if (rest.length === 0 && isIdentifier(table.schema) && isIdentifier(table.name)) return table;
  throw new OperatingError(
    'configuration',
    `--table must be table or schema.table, of letters, digits, _ and $; it is ${JSON.stringify(text)}.`,
  );
}

/** The name of a source is part of the state that is kept: it should be a good one from the start. */
function nameFor(table: string): string {
  const name = table.toLowerCase().replaceAll(/[^a-z0-9_-]/g, '-');
  return /^[a-z]/.test(name) ? name : `t${name}`;
}

/** The environment is enough: there need not be a configuration yet. */
async function storesToLookInto(options: AdoptOptions, io: CommandIo): Promise<AdoptionUrls> {
  const { DATABASE_URL: database = '', REDIS_URL: markerRedis = '' } = io.env;
  if (options.config === undefined && database !== '') {
    return { database, markerRedis: markerRedis === '' ? null : markerRedis };
  }
  const config = await readConfig(options, io).catch((error: unknown) => {
    if (options.config !== undefined) throw error;
    throw new OperatingError(
      'configuration',
      'Where is the table? Set DATABASE_URL to the Postgres that holds it, and REDIS_URL to the Redis that holds the markers; or name a configuration with --config.',
      { cause: error },
    );
  });
  return { database: config.database.url, markerRedis: config.markerRedis.url };
}

async function writeFiles(
  { configOut, sqlOut }: AdoptOptions,
  config: readonly string[],
  sql: readonly string[],
  io: CommandIo,
): Promise<void> {
  if (configOut !== undefined) await writeNew(`${config.join('\n')}\n`, configOut, io.cwd);
  if (sqlOut !== undefined) await writeNew(`${sql.join('\n')}\n`, sqlOut, io.cwd);
}

function describe(
  { table, source, undecided, evidence, isMigrated, steps }: Adoption,
  { configOut, sqlOut, alter }: AdoptOptions,
  config: readonly string[],
  sql: readonly string[],
): string[] {
  const parts = table.partitions === 0 ? '' : `, ${count(table.partitions, 'partition')}`;
  const file = configOut ?? 'reconciler.config.yaml';
  const script = sqlOut ?? 'adopt.sql';
  const commands = [
    ...(isMigrated ? [] : ['claim-reconciler migrate']),
    ...(steps.length === 0 ? [] : [`psql "$DATABASE_URL" -f ${script}`]),
    'claim-reconciler check',
    `claim-reconciler reconcile --source ${source.name}`,
  ];
  return [
    `${table.name}: about ${table.rows.toLocaleString('en')} rows, ${describeBytes(table.bytes)}${parts}. Nothing was changed.`,
    '',
    `The configuration (${configOut === undefined ? `save it as ${file}` : `written to ${file}`}):`,
    '',
    ...config,
    '',
    ...(evidence.length === 0 ? [] : ['What speaks for it:', ...evidence.map((line) => `  ${line}.`), '']),
    'For you to decide:',
    ...undecided.map((line) => `  ${line}`),
    '',
    ...(steps.length === 0
      ? [alter === false ? 'The table stays as it is.' : 'The table has all that is needed already.']
      : [
          `The migration (${sqlOut === undefined ? `save it as ${script}` : `written to ${script}`}):`,
          '',
          ...sql,
        ]),
    '',
    'Then:',
    ...commands.map((command) => `  ${command}`),
  ];
}
