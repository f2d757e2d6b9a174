/**
 * What a table without a stamped column must have, and what `check` says that it will not see there.
 */
import { describe, expect, it } from 'vitest';
import type { ClaimPosition } from '../../src/domain/source.ts';
import { remedies, useShop } from './shop-table.ts';

const { run, inspect, inspectAs, createTable } = useShop();

const minutes = { kind: 'time', ms: 600_000 } as const;
const position: ClaimPosition = { column: 'seen', overlap: minutes };
const ids: ClaimPosition = { column: 'id', overlap: { kind: 'ids', count: 10_000 } };
const plain = { seen: 'timestamptz not null default now()' };

describe('a table that is read by a column of its own', () => {
  it('needs no column, no trigger and no index of ours: one that begins with the column will do', async () => {
    await createTable(plain);
    await run(
      'alter table shop.gift_claim drop column change_xid; create index on shop.gift_claim (seen, uid)',
    );
    expect(await inspect({ position })).toMatchObject({
      problems: [],
      positionType: 'timestamp with time zone',
      warnings: [
        expect.stringContaining(
          'a row that is written 10 min or more after the time in its seen is not read',
        ),
        'shop.gift_claim has no index on (seen, id), only one that begins with seen: where very many rows share a value, the first reading of them is slow',
      ],
    });
    await run('create index on shop.gift_claim (seen, id)');
    expect((await inspect({ position })).warnings).toHaveLength(1);
  });

  it('by its id, is read by the index that makes it unique', async () => {
    await createTable(plain);
    expect(await inspect({ position: ids })).toMatchObject({
      problems: [],
      positionType: 'bigint',
      warnings: [expect.stringContaining('when 10000 or more ids above its id are in use')],
    });
  });

  it.each([
    ['', 'create index gone on shop.gift_claim (seen, id) where uid > 0'],
    ['', 'create index gone on shop.gift_claim (id, seen)'],
  ])('must have such an index, whole and in order %s', async (_what, other) => {
    await createTable(plain);
    await run(other);
    const { problems } = await inspect({ position });
    expect(problems).toEqual([
      'shop.gift_claim has no valid index that begins with seen, and every pass would read all of it; run: create index concurrently on shop.gift_claim (seen, id);',
    ]);
    for (const statement of remedies(await inspect({ position }))) await run(statement);
    expect((await inspect({ position })).problems).toEqual([]);
  });

  it.each([
    [
      'text',
      'must hold times or whole numbers: name one such as updated_at, created_at or an id that counts up',
    ],
    [
      'date',
      'must hold times or whole numbers: name one such as updated_at, created_at or an id that counts up',
    ],
  ])('must be read by something that grows in steps: not by %s', async (type, words) => {
    await createTable({ seen: `${type} not null` });
    expect((await inspect({ position })).problems).toEqual([
      `the column seen (position.column) is of type ${type}, and ${words}`,
    ]);
  });

  it('must have an overlap that fits, and the column that is named', async () => {
    await createTable(plain);
    await run('create index on shop.gift_claim (seen, id)');
    expect((await inspect({ position: { ...ids, overlap: minutes } })).problems).toEqual([
      'position.overlap must be a number of ids such as 10000, since the column id holds whole numbers',
    ]);
    expect((await inspect({ position: { ...position, overlap: ids.overlap } })).problems).toEqual([
      'position.overlap must be a duration such as 10m, since the column seen holds times',
    ]);
    expect((await inspect({ position: { ...position, column: 'sen' } })).problems).toEqual([
      expect.stringContaining('shop.gift_claim has no column sen (position.column); did you mean seen?'),
    ]);
  });

  it('is read without rows that have no value: at first it may be so, then it is', async () => {
    await createTable({ seen: 'timestamptz' });
    await run('create index on shop.gift_claim (seen, id)');
    expect((await inspect({ position })).warnings).toContain(
      'the column seen (position.column) may be null: such a row is never read',
    );
    await run(
      `insert into shop.gift_claim (uid, attempt_id, status, expires_at) values (1, 'a', 'granted', now())`,
    );
    expect((await inspect({ position })).warnings).toContain(
      'there are rows of shop.gift_claim whose seen is null: they are never read',
    );
  });

  it('is taken to be in UTC where its times have no zone', async () => {
    await createTable({ seen: 'timestamp not null default now()' });
    await run('create index on shop.gift_claim (seen, id)');
    expect((await inspect({ position })).warnings).toContain(
      'the column seen (position.column) has no time zone: its times must be UTC, or an hour of them comes twice a year',
    );
  });

  it('is read with the right to see that column', async () => {
    await createTable(plain);
    await run('create index on shop.gift_claim (seen, id)');
    const grants = `grant usage on schema shop, reconciler to ROLE;
      grant select (id, uid, attempt_id, status, expires_at) on shop.gift_claim to ROLE;
      grant all on all tables in schema reconciler to ROLE; grant all on all sequences in schema reconciler to ROLE;`;
    const { problems } = await inspectAs(grants, { position });
    expect(problems).toEqual([expect.stringContaining('seen')]);
    expect(problems[0]).not.toContain('change_xid');
  });
});
