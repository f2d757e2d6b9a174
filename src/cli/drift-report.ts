/**
 * What a run found and left open, as a file to take along: text for people, JSON for programs, CSV with a line for each.
 * Invariants kept: no cell is taken for a formula by a spreadsheet, nor for a command by a terminal; a file of any length is
 * written with a page in memory.
 */
import { open, rm } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import type pg from 'pg';
import { printable, table } from '../app/text-table.ts';
import { OperatingError } from '../domain/operating-error.ts';
import type { Source } from '../domain/source.ts';
import { readDrift, summarizeDrift, type DriftOfVerdict, type DriftRow } from '../postgres/drift.ts';
import { describeMarker } from '../reconcile/describe-plan.ts';
import type { PassReport } from '../reconcile/pass-report.ts';
import { remedyOf } from '../reconcile/remedy.ts';
import { cannot } from './commands/new-file.ts';

/** A source, and its pass if it came to an end. */
export interface ReconciledSource {
  readonly source: Source;
  readonly report: PassReport | null;
}

export interface DriftFile {
  /** Writes what is open by now, and closes the file. Takes it away, and throws, where that fails. */
  write(reconciled: readonly ReconciledSource[], pool: pg.Pool): Promise<void>;
}

type Format = (reconciled: readonly ReconciledSource[], pool: pg.Pool, append: Append) => Promise<void>;
type Append = (text: string) => Promise<void>;
const formats: Readonly<Record<string, Format>> = { '.txt': writeText, '.json': writeJson, '.csv': writeCsv };

/**
 * Makes the file at once, so that a run of hours does not find at its end that it cannot. Throws `configuration` for a name that
 * ends in none of `.txt`, `.json` and `.csv`, and for a file that is there.
 */
export async function createDriftFile(name: string, cwd: string): Promise<DriftFile> {
  const format = formats[extname(name)];
  if (format === undefined) {
    throw new OperatingError(
      'configuration',
      `--report-out must name a file that ends in .txt, .json or .csv; it is ${JSON.stringify(name)}. Nothing was read.`,
    );
  }
  const path = resolve(cwd, name);
  const file = await open(path, 'wx', 0o600).catch((error: unknown) => {
    throw cannot('be written', name, error);
  });
  const append = async (text: string): Promise<void> => {
    await file.write(text).catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      throw new OperatingError(
        'not_ready',
        `${name} could not be written (${why}) and was taken away. What the run found is kept: claim-reconciler status`,
        { cause: error },
      );
    });
  };
  return {
    write: async (reconciled, pool) => {
      try {
        await format(reconciled, pool, append);
      } catch (error) {
        await rm(path, { force: true });
        throw error;
      } finally {
        await file.close();
      }
    },
  };
}

async function writeText(
  reconciled: readonly ReconciledSource[],
  pool: pg.Pool,
  append: Append,
): Promise<void> {
  for (const each of reconciled) {
    const drift = await summarizeDrift(pool, each.source.name);
    await append(`${textOf(each, drift).map(printable).join('\n')}\n\n`);
  }
}

function textOf({ source, report }: ReconciledSource, drift: readonly DriftOfVerdict[]): string[] {
  const open = drift.reduce((sum, verdict) => sum + verdict.open, 0);
  const read =
    report === null
      ? 'The pass did not come to its end.'
      : `Pass ${report.passId} (${report.outcome}) judged ${report.checked.toLocaleString('en')} claims.`;
  const head = `${source.name}, in mode ${source.rules.mode}: ${howMany(open)} open.`;
  if (open === 0) return [head, read];
  const rows = drift.map((each) => [
    each.verdict,
    String(each.open),
    `${((100 * each.open) / open).toFixed(1)} %`,
    each.firstSeenAt.toISOString(),
    each.windowsEnd === null ? 'not known' : `${day(each.windowsEnd.first)} to ${day(each.windowsEnd.last)}`,
  ]);
  return [
    head,
    read,
    '',
    ...table(['verdict', 'open', 'share', 'first seen', 'windows end'], rows),
    '',
    'In mode repair:',
    ...drift.map(({ verdict }) => `  ${verdict}: ${remedyOf(verdict, source)}.`),
    '',
    'Examples, to be looked at with claim-reconciler explain:',
    ...drift.flatMap(({ verdict, examples }) =>
      examples.map(
        ({ claimId, markerKey }) =>
          `  ${verdict}: ${claimId === null ? 'no row' : `claim ${claimId}`}, marker ${markerKey ?? 'not known'}`,
      ),
    ),
  ];
}

async function writeJson(
  reconciled: readonly ReconciledSource[],
  pool: pg.Pool,
  append: Append,
): Promise<void> {
  const sources = [];
  for (const { source, report } of reconciled) {
    const verdicts = await summarizeDrift(pool, source.name);
    sources.push({
      source: source.name,
      mode: source.rules.mode,
      pass: report,
      verdicts: verdicts.map((each) => ({ ...each, inRepairMode: remedyOf(each.verdict, source) })),
    });
  }
  const madeAt = new Date().toISOString();
  await append(`${JSON.stringify({ kind: 'claim-reconciler drift', madeAt, sources }, null, 2)}\n`);
}

const columns = [
  'source',
  'verdict',
  'claim',
  'status',
  'marker',
  'holds',
  'window_ends_at',
  'first_seen_at',
  'in_repair_mode',
];

async function writeCsv(
  reconciled: readonly ReconciledSource[],
  pool: pg.Pool,
  append: Append,
): Promise<void> {
  await append(line(columns));
  for (const { source } of reconciled) {
    for await (const page of readDrift(pool, source.name)) {
      await append(page.map((row) => line(cellsOf(row, source))).join(''));
    }
  }
}

function cellsOf(row: DriftRow, source: Source): string[] {
  return [
    source.name,
    row.verdict,
    row.claimId ?? '',
    row.status ?? '',
    row.markerKey ?? '',
    describeMarker(row.marker),
    row.windowEndsAt?.toISOString() ?? '',
    row.firstSeenAt.toISOString(),
    remedyOf(row.verdict, source),
  ];
}

/** RFC 4180; a spreadsheet would take a cell that begins with one of these signs for a formula. */
function line(cells: readonly string[]): string {
  const safe = cells.map(printable).map((cell) => (/^[=+\-@]/.test(cell) ? `'${cell}` : cell));
  return `${safe.map((cell) => (/[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(',')}\r\n`;
}

function howMany(open: number): string {
  return open === 0 ? 'nothing is' : open === 1 ? '1 claim or marker is' : `${open} claims or markers are`;
}

function day(time: Date): string {
  return time.toISOString().slice(0, 10);
}
