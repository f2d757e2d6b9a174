/**
 * What may be reported: everything that is wrong is told at once, and nothing of it is repeated.
 */
import { describe, expect, it } from 'vitest';
import { payloadSchema, readReport, run } from '../../jobs/report.ts';
import { OperatingError } from '../../src/domain/operating-error.ts';
import { parseTemplate } from '../../src/domain/template.ts';
import { giftSource, orderSource } from '../reconcile/support/claim-tables.ts';
import { useWorlds } from '../reconcile/support/use-world.ts';

const worlds = useWorlds();
const sources = [giftSource, orderSource];
const right = { source: 'gifts', markerKey: 'gift:1', attempt: 'a-17', reason: 'DEL timed out' };

/** The sentences of the refusal; none when it is accepted. */
function problemsOf(said: unknown, known = sources): string[] {
  try {
    readReport(said, known, 'shop');
    return [];
  } catch (error) {
    if (!(error instanceof OperatingError) || error.code !== 'bad_report') throw error;
    const [head = '', ...problems] = error.message.split('\n');
    expect(head).toBe('The report is refused; nothing was stored:');
    return problems.map((line) => line.replace('  - ', ''));
  }
}

describe('a report', () => {
  it('is on record under the name it gives, or the one it came with', () => {
    expect(readReport(right, sources, 'ops')).toEqual({ ...right, by: 'ops' });
    expect(readReport({ ...right, by: 'gift-service' }, sources, 'ops')).toMatchObject({
      by: 'gift-service',
    });
  });

  it.each([
    ['the longest texts there may be', { attempt: 'x'.repeat(200), reason: 'x'.repeat(1_000) }],
    ['the longest key', { markerKey: `gift:${'9'.repeat(1_019)}` }],
    ['signs of any kind', { attempt: '\u202e"\\\u001b[2J', reason: '<b>漢字🎁\r\n' }],
    ['blanks', { markerKey: 'gift:', attempt: ' ', reason: ' ' }],
  ])('may have %s', (_, changes) => {
    expect(problemsOf({ ...right, ...changes })).toEqual([]);
  });

  it.each([
    ['source', 'seats', 'is not one of those configured (gifts, orders)'],
    ['source', 'gift', 'is not one of those configured (gifts, orders); did you mean gifts?'],
    ['source', 'x'.repeat(64), 'must have at most 63 characters; it has 64'],
    ['markerKey', 'order:1', 'is no marker of gifts, whose keys look like gift:{uid}'],
    ['markerKey', `gift:${'9'.repeat(1_020)}`, 'must have at most 1024 characters; it has 1025'],
    ['markerKey', `gift:${'漢'.repeat(700)}`, 'must have at most 2000 bytes in UTF-8; it has 2105'],
    ['attempt', '', 'must not be empty'],
    ['attempt', 'x'.repeat(201), 'must have at most 200 characters; it has 201'],
    ['attempt', 17, 'must be a text'],
    ['attempt', null, 'must be a text'],
    ['attempt', undefined, 'is missing'],
    ['attempt', 'a\u0000b', 'must not contain U+0000, which Postgres cannot hold'],
    ['reason', 'x'.repeat(1_001), 'must have at most 1000 characters; it has 1001'],
    ['reason', 'half \ud83c', 'must not contain half of a surrogate pair'],
    ['by', ['ops'], 'must be a text'],
    ['by', '', 'must not be empty'],
  ])('with a wrong %s is refused: %j', (field, value, problem) => {
    expect(problemsOf({ ...right, [field]: value })).toEqual([`${field}: ${problem}`]);
  });

  it('is refused with all that is wrong, in the order of its fields', () => {
    expect(problemsOf({ source: 'seats', attempt: 1, reason: '', extra: 1 })).toEqual([
      'it has keys that a report does not have: it has source, markerKey, attempt, reason and, if need be, by',
      'source: is not one of those configured (gifts, orders)',
      'markerKey: is missing',
      'attempt: must be a text',
      'reason: must not be empty',
    ]);
  });

  it.each([[null], [undefined], ['gifts'], [17], [[right]], [[]]])('is an object: %j is none', (said) => {
    expect(problemsOf(said)).toEqual(['it must be an object with source, markerKey, attempt and reason']);
  });

  it('that is refused is not repeated', () => {
    const evil = '<script>\u001b[2J\u202e';
    const said = { source: evil, markerKey: evil, attempt: `${evil}\u0000`, reason: [evil], [evil]: evil };
    const message = problemsOf(said).join('\n');
    for (const part of ['script', '[2J', '\u202e', '\u001b']) expect(message).not.toContain(part);
  });

  it('is told soon that its key does not fit, however many ways there are to split it', () => {
    const deep = {
      ...giftSource,
      marker: { ...giftSource.marker, key: parseTemplate('g:{a}:{b}:{c}:{d}:x') },
    };
    const markerKey = `g${':'.repeat(1_000)}`;
    expect(problemsOf({ ...right, markerKey }, [deep])).toEqual([
      'markerKey: is no marker of gifts, whose keys look like g:{a}:{b}:{c}:{d}:x',
    ]);
  });
});

describe('the job', () => {
  it('takes what was read, stores it and says what came of it', async () => {
    const world = await worlds.create();
    const lines: string[] = [];
    const payload = { ...readReport(right, sources, 'ops'), judging: 'now' } as const;
    expect(payloadSchema.parse(payload)).toEqual(payload);
    const reporter = { log: (line: string) => void lines.push(line), progress: () => undefined };
    expect(await run(payload, world.deps(), reporter)).toMatchObject({
      reportId: '1',
      verdict: 'consistent',
    });
    expect(lines).toEqual([
      'Report 1: The attempt has no claim, and the marker is gone. Nothing is to be done.',
    ]);
    const { rows } = await world.pool.query(
      'select source, marker_key, attempt, reason, reported_by from reconciler.report',
    );
    expect(rows).toEqual([
      {
        source: 'gifts',
        marker_key: 'gift:1',
        attempt: 'a-17',
        reason: 'DEL timed out',
        reported_by: 'ops',
      },
    ]);
  });

  it('stores nothing for a source that is not there', async () => {
    const world = await worlds.create();
    const payload = { ...right, source: 'seats', by: 'ops', judging: 'now' } as const;
    const reporter = { log: () => undefined, progress: () => undefined };
    await expect(run(payload, world.deps(), reporter)).rejects.toMatchObject({ code: 'not_found' });
    expect((await world.pool.query('select from reconciler.report')).rowCount).toBe(0);
  });
});
