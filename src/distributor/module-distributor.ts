/**
 * A distributor that is a module of the application: a file that exports the functions `grant` and `lookup`, or both as
 * `distributor`.
 * Invariant kept: what was loaded has both functions, and loading never lasts for ever. Does not check what they return:
 * see `ask.ts`.
 */
import { access, constants } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import type { Distributor } from '../domain/distributor.ts';
import { OperatingError } from '../domain/operating-error.ts';
import { plainReason } from './plain-reason.ts';

/** A module may wait for a secret or a connection before it is there. */
const loadMs = 10_000;

/**
 * Throws OperatingError `configuration` when the file cannot be loaded or a function is missing.
 * @param file absolute
 */
export async function loadModuleDistributor(file: string, timeoutMs = loadMs): Promise<Distributor> {
  const loaded = await load(file, timeoutMs);
  const holder = 'distributor' in loaded ? loaded['distributor'] : loaded;
  if (isDistributor(holder)) return holder;
  const missing = ['grant', 'lookup'].filter((name) => !hasFunction(holder, name));
  const where = holder === loaded ? 'exports' : 'exports a distributor with';
  const names = Object.keys(loaded).join(', ');
  throw refused(
    file,
    `it ${where} no function ${missing.join(' and none ')}; it must export the functions grant and lookup, or both as ` +
      `distributor, and it exports ${names === '' ? 'nothing' : names}`,
  );
}

async function load(file: string, timeoutMs: number): Promise<Readonly<Record<string, unknown>>> {
  try {
    await access(file, constants.R_OK);
  } catch (error) {
    throw refused(file, 'there is no such file, or it may not be read', error);
  }
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`it was not ready within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    const loading: Promise<Record<string, unknown>> = import(pathToFileURL(file).href);
    return await Promise.race([loading, late]);
  } catch (error) {
    throw refused(file, plainReason(error), error);
  } finally {
    clearTimeout(timer);
  }
}

function refused(file: string, why: string, cause?: unknown): OperatingError {
  return new OperatingError('configuration', `The module ${file} cannot be used: ${why}.`, { cause });
}

function isDistributor(value: unknown): value is Distributor {
  return hasFunction(value, 'grant') && hasFunction(value, 'lookup');
}

function hasFunction(value: unknown, name: string): boolean {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, name) === 'function';
}
