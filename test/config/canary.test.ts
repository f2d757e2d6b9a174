/**
 * The section `canary`: absent is off, and what could only ever fail is refused.
 */
import { describe, expect, it } from 'vitest';
import { gifts, smallest, stores, useFolder } from './written-config.ts';

const { load, complaints } = useFolder();

async function linesOf(canary: string): Promise<readonly string[]> {
  return (await complaints(`${smallest}canary: ${canary}\n`)).lines;
}

describe('a canary', () => {
  it('is off unless it is asked for', async () => {
    const { canary, sources } = await load(smallest);
    expect(canary).toBeNull();
    expect(sources.map(({ name }) => name)).toEqual(['gifts']);
  });

  it('has defaults, and a source of its own behind the others that is always repaired', async () => {
    const { canary, sources } = await load(`${smallest}canary: {}\n`);
    expect(canary).toEqual({ everyMs: 3_600_000, withinMs: 300_000 });
    expect(sources.map(({ name, rules }) => [name, rules.mode])).toEqual([
      ['gifts', 'observe'],
      ['canary', 'repair'],
    ]);
    expect(sources.at(-1)).toMatchObject({
      table: { schema: 'reconciler', name: 'canary_claim' },
      marker: { key: [{ text: 'claim-reconciler:canary:' }, { name: 'attempt_id' }] },
      distributor: null,
    });
  });

  it('takes what fits', async () => {
    const { canary } = await load(`${smallest}canary: { every: 30m, within: 96s }\n`);
    expect(canary).toEqual({ everyMs: 1_800_000, withinMs: 96_000 });
  });

  it.each([
    ['{ within: 95s }', /^canary\.within: must be longer than 95s: .* \(grace\) .*; it is "95s"$/],
    ['{ every: 5m }', /^canary\.every: must be longer than canary\.within \(5m\), .*; it is "5m"$/],
    ['{ every: 3m, within: 4m }', /^canary\.every: must be longer than canary\.within \(4m\)/],
    ['{ every: hourly }', /^canary\.every: must be a duration/],
    ['{ within: 300 }', /^canary\.within: must be a duration/],
    ['{ often: 1h }', /^canary\.often: unknown key/],
    ['', /^canary: must be a map with the keys every, within/],
    ['on', /^canary: must be a map with the keys every, within/],
  ])('%j is refused in one sentence', async (canary, sentence) => {
    expect(await linesOf(canary)).toEqual([expect.stringMatching(sentence)]);
  });

  it('keeps its name for itself, whether it is on or off', async () => {
    const own = gifts.replace('gifts:', 'canary:');
    const { lines } = await complaints(`${stores}sources:${own}`);
    expect(lines).toEqual([expect.stringMatching(/^sources\.canary: the name canary is kept for/)]);
  });
});
