/**
 * The application's own module as a distributor: loaded, checked, and refused in words.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askToGrant, askWhatBecame } from '../../src/distributor/ask.ts';
import { loadModuleDistributor } from '../../src/distributor/module-distributor.ts';
import { OperatingError } from '../../src/domain/operating-error.ts';
import { grantOf } from './grants.ts';

const plentyMs = 60_000;
let folder = '';
let files = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reconciler-module-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

/** A file of a name of its own, since a module is loaded once. */
async function write(code: string): Promise<string> {
  files += 1;
  const file = join(folder, `distributor-${files}.mjs`);
  await writeFile(file, code);
  return file;
}

async function complaintAbout(file: string, timeoutMs?: number): Promise<string> {
  try {
    await loadModuleDistributor(file, timeoutMs);
  } catch (error) {
    if (error instanceof OperatingError && error.code === 'configuration') return error.message;
    throw error;
  }
  throw new Error('the module was taken');
}

describe('a module', () => {
  it('may export two functions', async () => {
    const file = await write(`
      export async function grant({ attempt, markerKey, claim, notAfterMs }, signal) {
        const isWhole = claim.uid === 7 && markerKey === 'gift:7' && notAfterMs > 0 && signal instanceof AbortSignal;
        return isWhole ? { kind: 'granted' } : { kind: 'refused', reason: attempt };
      }
      export const lookup = (attempt) => ({ kind: 'refused', reason: attempt });
    `);
    const distributor = await loadModuleDistributor(file);
    expect(await askToGrant(distributor, grantOf('a'), plentyMs)).toEqual({ kind: 'granted' });
    expect(await askWhatBecame(distributor, 'b', plentyMs)).toEqual({ kind: 'refused', reason: 'b' });
  });

  it('may export an object with both, which keeps what it knows', async () => {
    const file = await write(`
      class Book {
        #granted = new Set();
        async grant({ attempt }) { this.#granted.add(attempt); return { kind: 'granted' }; }
        async lookup(attempt) { return { kind: this.#granted.has(attempt) ? 'granted' : 'not_granted' }; }
      }
      export const distributor = new Book();
    `);
    const distributor = await loadModuleDistributor(file);
    expect(await askWhatBecame(distributor, 'a', plentyMs)).toEqual({ kind: 'not_granted' });
    expect(await askToGrant(distributor, grantOf('a'), plentyMs)).toEqual({ kind: 'granted' });
    expect(await askWhatBecame(distributor, 'a', plentyMs)).toEqual({ kind: 'granted' });
  });

  it('that throws, or answers nothing, is one that did not answer', async () => {
    const file = await write(`
      export function grant() { throw new Error('no route to https://app:top-secret@gifts.internal'); }
      export async function lookup() {}
    `);
    const distributor = await loadModuleDistributor(file);
    expect(await askToGrant(distributor, grantOf('a'), plentyMs)).toEqual({
      kind: 'unknown',
      reason: 'no route to https://***@gifts.internal',
    });
    expect(await askWhatBecame(distributor, 'a', plentyMs)).toEqual({
      kind: 'unknown',
      reason: 'what came back is no answer',
    });
  });
});

describe('a module that cannot be used', () => {
  const must = 'it must export the functions grant and lookup, or both as distributor, and it exports';

  it.each([
    ['export {};', `it exports no function grant and none lookup; ${must} nothing.`],
    [
      'export function grant() {} export const lookUp = 1;',
      `it exports no function lookup; ${must} grant, lookUp.`,
    ],
    ['export const grant = 1; export function lookup() {}', `it exports no function grant; ${must} grant`],
    [
      'export const distributor = { grant() {} };',
      `it exports a distributor with no function lookup; ${must} distributor.`,
    ],
    [
      'export const distributor = null; export function grant() {} export function lookup() {}',
      'it exports a distributor with no function grant and none lookup;',
    ],
    ['export default { grant() {}, lookup() {} };', `${must} default.`],
    ['export function grant( {', 'cannot be used: '],
    ["import 'there-is-no-such-package';", 'there-is-no-such-package'],
    ["throw new Error('SHOP_URL is not set; password=top-secret');", 'SHOP_URL is not set; password=***.'],
    ['throw null;', 'what was thrown is no error.'],
  ])('is refused: %s', async (code, complaint) => {
    const file = await write(code);
    const message = await complaintAbout(file);
    expect(message).toContain(`The module ${file} cannot be used: `);
    expect(message).toContain(complaint);
    expect(message).not.toContain('top-secret');
  });

  it('is refused when it is not there, or no file', async () => {
    const missing = join(folder, 'missing.mjs');
    expect(await complaintAbout(missing)).toBe(
      `The module ${missing} cannot be used: there is no such file, or it may not be read.`,
    );
    await mkdir(join(folder, 'folder'));
    expect(await complaintAbout(join(folder, 'folder'))).toContain('cannot be used: ');
  });

  it('is refused when loading it does not end', async () => {
    const file = await write('await new Promise(() => setTimeout(() => undefined, 1));');
    expect(await complaintAbout(file, 50)).toContain('cannot be used: it was not ready within 50 ms.');
  });
});
