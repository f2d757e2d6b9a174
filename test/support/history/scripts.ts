/**
 * Tells which of the scripts in `src/redis` a command runs, by its hash or its text.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

const folder = new URL('../../../src/redis/', import.meta.url);
const scripts = new Map(
  readdirSync(folder)
    .filter((name) => name.endsWith('.lua'))
    .flatMap((file) => {
      const text = readFileSync(new URL(file, folder), 'utf8');
      const name = file.replace(/\.lua$/, '');
      // As MONITOR shows it, and ioredis hands it on.
      const shown = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
      return [
        [createHash('sha1').update(text).digest('hex'), name],
        [shown, name],
      ];
    }),
);

/** Null for any other command, and for a script of somebody else's. */
export function scriptOf([command = '', text = '']: readonly string[]): string | null {
  return /^eval(sha)?$/i.test(command) ? (scripts.get(text) ?? null) : null;
}

/** What repairs change markers by. */
const changing = new Set(['delete-marker', 'set-expiry', 'replace-marker', 'reissue-marker']);

export function changesMarkers(script: string | null): boolean {
  return script !== null && changing.has(script);
}
