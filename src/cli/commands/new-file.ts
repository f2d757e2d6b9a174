/**
 * Writes what a command made into a file of its own: a plan, a proposal, a report.
 * Invariant kept: never over a file that is there, which somebody may be reviewing.
 */
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { OperatingError } from '../../domain/operating-error.ts';
import type { PlanFile } from '../../reconcile/plan-file.ts';

/** Readable by its owner alone: it holds ids and values of users. Throws `configuration`. */
export async function writePlan(file: PlanFile, name: string, cwd: string): Promise<void> {
  await writeNew(`${JSON.stringify(file, null, 2)}\n`, name, cwd);
}

/** The same for any text. */
export async function writeNew(text: string, name: string, cwd: string): Promise<void> {
  try {
    await writeFile(resolve(cwd, name), text, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    throw cannot('be written', name, error);
  }
}

export function cannot(what: string, name: string, cause: unknown): OperatingError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new OperatingError('configuration', `${name} cannot ${what}; nothing was changed: ${why}.`, {
    cause,
  });
}
