/**
 * `repair --plan FILE`: a plan that was written for review, held against what is there now, and carried out with --apply.
 */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ExitCode } from '../../domain/exit-code.ts';
import { readPlanFile, type PlanFile } from '../../reconcile/plan-file.ts';
import type { CommandIo } from '../io.ts';
import { reportError, type CommonOptions } from '../run-command.ts';
import { cannot } from './new-file.ts';
import { runRepair } from './repair.ts';

export interface ReviewedOptions extends CommonOptions {
  readonly plan: string;
  readonly apply?: boolean;
  readonly force?: boolean;
}

export async function runReviewed(options: ReviewedOptions, io: CommandIo): Promise<ExitCode> {
  const { plan, ...rest } = options;
  let file: PlanFile;
  try {
    file = readPlanFile(await read(resolve(io.cwd, plan), plan), plan);
  } catch (error) {
    return reportError(error, io, options.json === true);
  }
  return runRepair({ kind: 'plan', file }, { ...rest, source: file.source }, io);
}

async function read(path: string, name: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw cannot('be read', name, error);
  }
}
