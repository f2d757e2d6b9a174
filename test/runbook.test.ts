/**
 * The run-book has a place for whatever can be told to people: alerts link to it by their kind. Its own links and commands
 * are looked at with those of all pages, in `docs.test.ts`.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { verdicts } from '../src/domain/verdict.ts';
import { readSourceFiles } from './architecture/source-files.ts';

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const page = read('docs/runbook.md');
const headings = [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading);

/** Kinds are written where alerts are raised, and nowhere else: `kind: 'stall'`, before the source or the severity. */
function alertKinds(): string[] {
  const raising = readSourceFiles(['src']).filter(({ text }) => /\braiseAlerts?\(/.test(text));
  expect(raising.length).toBeGreaterThan(3);
  const kinds = raising.flatMap(({ text }) =>
    [...text.matchAll(/kind: '(\w+)',\s+(?:source|severity)/g)].map(([, kind = '']) => kind),
  );
  return [...new Set([...kinds, 'double_grant'])];
}

function errorCodes(): string[] {
  const [, union = ''] =
    /type OperatingErrorCode =([^;]+);/.exec(read('src/domain/operating-error.ts')) ?? [];
  return [...union.matchAll(/'(\w+)'/g)].map(([, code = '']) => code);
}

describe('docs/runbook.md has exactly one anchor', () => {
  it.each(verdicts)('for the verdict %s', (verdict) => {
    expect(headings.filter((heading) => heading === verdict)).toHaveLength(1);
  });

  it('for each kind of alert that the sources raise', () => {
    const kinds = alertKinds();
    expect(kinds).toEqual(
      expect.arrayContaining([
        'brake',
        'stall',
        'marker_store_obstacle',
        'checkpoint_refused',
        'open_claims_index',
      ]),
    );
    expect(kinds.filter((kind) => headings.filter((heading) => heading === kind).length !== 1)).toEqual([]);
  });

  it('for each code of an error', () => {
    const codes = errorCodes();
    expect(codes.length).toBeGreaterThan(10);
    expect(codes.filter((code) => headings.filter((heading) => heading === code).length !== 1)).toEqual([]);
  });
});

describe('what links to docs/runbook.md', () => {
  it('finds its place: the rules of Prometheus', () => {
    const targets = [...read('ops/prometheus-rules.yaml').matchAll(/runbook\.md#(\w+)/g)].map(
      ([, kind = '']) => kind,
    );
    expect(targets.length).toBeGreaterThan(10);
    expect(targets.filter((target) => !headings.includes(target))).toEqual([]);
  });
});
