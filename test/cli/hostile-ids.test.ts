/**
 * Ids, attempts and marker values come from users: whatever they hold, a terminal must not obey it.
 */
import { beforeEach, expect, it } from 'vitest';
import { useWorlds } from '../reconcile/support/use-world.ts';
import type { World } from '../reconcile/support/world.ts';
import { useProgram, type Ran } from './support/program.ts';

const worlds = useWorlds();
const program = useProgram();
let world: World;

/** Clears the screen, sets the title, rings, turns the reading direction, breaks lines in every way. */
const hostile = '\u001b[2J\u001b]0;owned\u0007\u009b31m\r\n\u202eevil\u2066\u2028x\u007f';
/** Control characters, separators and marks of direction; the program's own line breaks are taken out before. */
const unprintable = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

beforeEach(async () => {
  world = await worlds.create();
  await world.pool.query(`
    create table odd_claim (id text primary key, attempt text unique, status text, expires_at timestamptz,
      change_xid xid8 not null default pg_current_xact_id());
    create index odd_change on odd_claim (change_xid, id);
    create index odd_marker on odd_claim (attempt);
    create trigger stamp_change before insert or update on odd_claim
      for each row execute function reconciler.stamp_change();
    alter table odd_claim enable always trigger stamp_change`);
});

async function addOdd(id: string, attempt: string, status: string): Promise<void> {
  await world.pool.query(
    `insert into odd_claim (id, attempt, status, expires_at) values ($1, $2, $3, clock_timestamp() + interval '1 day')`,
    [id, attempt, status],
  );
}

async function run(args: readonly string[]): Promise<Ran> {
  const config = await program.write(
    'odd.yaml',
    `
database: { url: '${world.databaseUrl}' }
markerRedis: { url: '${world.redisUrl}' }
sources:
  odd:
    table: odd_claim
    columns: { id: id, attempt: attempt, status: status, expiresAt: expires_at }
    marker: { key: 'odd:{attempt}', value: '{attempt}' }
    statuses: { pending: pending, granted: granted }
    mode: repair
    grace: 20ms
`,
  );
  // Outside its grace period, a row that is written last says that those before it are too.
  await world.addGift();
  await world.settle();
  return program.run([...args, '--config', config]);
}

it('no text output holds a character that a terminal would obey', async () => {
  const attempt = `attempt ${hostile}`;
  await addOdd(`missing ${hostile}`, attempt, 'granted');
  await addOdd(`doubt ${hostile}`, `other ${hostile}`, 'pending');
  await addOdd(`strange ${hostile}`, `third ${hostile}`, `status ${hostile}`);
  await world.redis.set(`odd:other ${hostile}`, `value ${hostile}`);
  const outputs = [
    await run(['repair', 'range', '--from', '', '--to', 'zzz', '--source', 'odd']),
    await run(['repair', 'claim', `missing ${hostile}`, '--source', 'odd']),
    await run(['repair', 'claim', `nobody ${hostile}`, '--source', 'odd']),
    await run(['repair', 'marker', `odd:other ${hostile}`, '--source', 'odd']),
    await run(['repair', 'marker', `none ${hostile}`, '--source', 'odd']),
    await run(['reconcile', '--source', 'odd']),
    await run(['explain', 'claim', `missing ${hostile}`, '--source', 'odd']),
    await run(['explain', 'claim', `doubt ${hostile}`, '--source', 'odd']),
    await run(['explain', 'claim', `strange ${hostile}`, '--source', 'odd']),
    await run(['explain', 'claim', `nobody ${hostile}`, '--source', 'odd']),
    await run(['explain', 'marker', `odd:other ${hostile}`, '--source', 'odd']),
    await run(['explain', 'marker', `odd:none ${hostile}`, '--source', 'odd']),
    await run(['alerts']),
    await run(['alerts', 'acknowledge', `1 ${hostile}`]),
    await run(['reconcile', '--source', `odd ${hostile}`]),
    await run(['status']),
    await run(['undo', '--pass', '1']),
    await run(['undo', '--pass', `1 ${hostile}`]),
    await run(['resume', '--source', 'odd', '--for', `1h ${hostile}`]),
    await run(['resume', '--source', `odd ${hostile}`]),
    await run(['rewind', '--source', `odd ${hostile}`, '--by', '1h']),
    await run(['check']),
  ];
  const lines = outputs.flatMap(({ out, err }) => [...out, ...err]);
  expect(lines.filter((line) => unprintable.test(line))).toEqual([]);
  // They were shown all the same, with signs in place of what a terminal obeys.
  const text = lines.join('\n');
  for (const word of ['missing', 'doubt', 'nobody', 'none']) expect(text).toContain(`${word} ␛[2J␛]0;owned␇`);
});

it('a text of 10 kB is cut in what is explained, and whole in JSON', async () => {
  const long = `${hostile}${'9'.repeat(10_000)}`;
  await world.pool.query(
    'drop index odd_marker; alter table odd_claim drop constraint odd_claim_attempt_key',
  );
  await addOdd('1', long, 'granted');
  await world.redis.set(`odd:${long}`, `wrong ${long}`);
  const { code, out } = await run(['explain', 'claim', '1', '--source', 'odd']);
  expect(code).toBe(3);
  expect(out[0]).toBe('claim 1 of odd: conflicting_marker');
  expect(Math.max(...out.map(({ length }) => length))).toBeLessThan(1_000);
  expect(out.filter((line) => unprintable.test(line))).toEqual([]);
  const asked = await run(['explain', 'marker', `odd:${long}`, '--source', 'odd', '--json']);
  expect(asked.json()).toMatchObject({ markerKey: `odd:${long}`, cases: [{ claim: { attempt: long } }] });
});

it('--json gives them as they are, and is valid JSON', async () => {
  const attempt = `attempt ${hostile}`;
  await addOdd(`missing ${hostile}`, attempt, 'granted');
  const ran = await run(['repair', 'claim', `missing ${hostile}`, '--source', 'odd', '--json']);
  expect(ran.json()).toMatchObject({
    checked: 1,
    plan: [{ claimId: `missing ${hostile}`, markerKey: `odd:${attempt}`, verdict: 'missing_marker' }],
  });
});

it('repairs the marker of a hostile attempt, and that one only', async () => {
  const attempt = `attempt ${hostile}`;
  await addOdd('1', attempt, 'granted');
  const almost = `attempt ${hostile.slice(0, -1)}`;
  await addOdd('2', almost, 'granted');
  const { code } = await run(['repair', 'claim', '1', '--source', 'odd', '--apply']);
  expect(code).toBe(0);
  expect((await world.readMarker(`odd:${attempt}`))?.value).toBe(attempt);
  expect(await world.readMarker(`odd:${almost}`)).toBeNull();
});
