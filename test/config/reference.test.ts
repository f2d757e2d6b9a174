/**
 * The tables of docs/configuration.md name the keys that the schema has, and no others.
 */
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { configSchema } from '../../src/config/schema.ts';

/** All keys that take a value, from the top; a map whose names are the user's has `<name>` for them. */
function keysOf(schema: z.core.$ZodType, path: readonly string[] = []): string[] {
  if (schema instanceof z.ZodObject) {
    const shape: Record<string, z.core.$ZodType> = schema.shape;
    return Object.entries(shape).flatMap(([key, inner]) => keysOf(inner, [...path, key]));
  }
  if (schema instanceof z.ZodRecord) return keysOf(schema.valueType, [...path, '<name>']);
  if (schema instanceof z.ZodPipe && !(schema.out instanceof z.ZodTransform)) return keysOf(schema.out, path);
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) {
    return keysOf(schema.unwrap(), path);
  }
  return [path.join('.')];
}

/** The first cells of the tables below a heading, without their marks. */
async function rowsBelow(from: string, to: string): Promise<string[]> {
  const page = await readFile('docs/configuration.md', 'utf8');
  const part = page.slice(page.indexOf(from), page.indexOf(to));
  return [...part.matchAll(/^\| \**`([^`]+)`\** \|/gm)].map((match) => match[1] ?? '');
}

it('each key of the file is explained, and each that is explained can be given', async () => {
  const [top, source, receiver, distributor] = [
    await rowsBelow('## All keys', 'For each source, below'),
    await rowsBelow('For each source, below', '### TLS'),
    await rowsBelow('### Receivers of alerts', '### The distributor'),
    await rowsBelow('### The distributor', '### What follows from'),
  ];
  const below = (path: string, rows: readonly string[]): string[] => rows.map((row) => `${path}.${row}`);
  const verdicts = source.filter((row) => row.includes('_'));
  const explained = [
    ...top,
    ...below('sources.<name>', source),
    ...below('sources.<name>.policy', verdicts),
    ...below('alerts.receivers.<name>', receiver),
    ...below(
      'sources.<name>.distributor',
      distributor.map((row) => row.replace('headers.<name>', 'headers')),
    ),
  ];
  // Rows that stand for what other tables explain.
  const standFor = new Set([
    'sources',
    'alerts.receivers',
    'sources.<name>.distributor',
    'sources.<name>.policy.<verdict>',
    ...below('sources.<name>', verdicts),
  ]);
  const keys = explained.filter((key) => !standFor.has(key)).toSorted();
  expect(keys).toEqual(keysOf(configSchema(() => null)).toSorted());
});
