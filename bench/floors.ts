/**
 * The floors: what the two stores can give at most, whatever is done with it. Raw sockets, requests made beforehand, replies
 * looked at only for their end.
 * They judge nothing. Postgres: one COPY of key, expected value and position, in the order in which a pass reads. Redis: GET
 * and PTTL of each claim's key, pipelined. Run at one time, in two processes, they are the floor that `ratios.floor` is of.
 */
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import pg from 'pg';
import { connectPostgres, endPool, defaultPoolLimits } from '../src/postgres/connect.ts';
import type { StoresAddress, Way } from './way.ts';

const keysPerWindow = 500;
const windowsInFlight = 4;
/** What ReadyForQuery looks like; a line of COPY holds no zero byte. */
const readyForQuery = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);
const tailBytes = 64;

export async function openCopyFloor({ databaseUrl, prefix }: StoresAddress, rows: number): Promise<Way> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const { connection } = client;
  connection.stream.removeAllListeners('data');
  const statement = `copy (
    select ${keyOf(prefix)}, attempt_id, change_xid, id from gift_claim order by change_xid, id limit ${rows}
  ) to stdout`;
  return {
    async run() {
      let tail = Buffer.alloc(0);
      const ended = new Promise<void>((resolve) => {
        connection.stream.on('data', (chunk: Buffer) => {
          tail = Buffer.concat([tail, chunk.subarray(-tailBytes)]).subarray(-tailBytes);
          if (tail.subarray(-readyForQuery.length).equals(readyForQuery)) resolve();
        });
      });
      connection.query(statement);
      await ended;
      connection.stream.removeAllListeners('data');
      return Number(/COPY (\d+)\0/.exec(tail.toString('latin1'))?.[1]);
    },
    async close() {
      connection.stream.destroy();
    },
  };
}

export async function openMarkerFloor(stores: StoresAddress, rows: number): Promise<Way> {
  const windows = await makeWindows(stores, rows);
  const { hostname, port } = new URL(stores.redisUrl);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.setNoDelay(true);
  return {
    async run() {
      await sendWindows(socket, windows);
      return rows;
    },
    async close() {
      socket.destroy();
    },
  };
}

/** The words of a reply that nothing else says, at the end of each window. */
const endOfWindow = 'end-of-window';

/** Keeps some windows on their way until all are answered. */
async function sendWindows(socket: Socket, windows: readonly Buffer[]): Promise<void> {
  let sent = 0;
  let answered = 0;
  const mark = Buffer.from(`$${endOfWindow.length}\r\n${endOfWindow}\r\n`);
  let rest = Buffer.alloc(0);
  const sendNext = (): void => {
    const window = windows[sent++];
    if (window !== undefined) socket.write(window);
  };
  await new Promise<void>((resolve) => {
    socket.on('data', (chunk) => {
      const bytes = Buffer.concat([rest, chunk]);
      let seen = 0;
      for (let at = bytes.indexOf(mark); at !== -1; at = bytes.indexOf(mark, seen)) {
        seen = at + mark.length;
        answered += 1;
        sendNext();
      }
      rest = bytes.subarray(Math.max(seen, bytes.length - mark.length + 1));
      if (answered === windows.length) resolve();
    });
    for (let at = 0; at < windowsInFlight; at += 1) sendNext();
  });
  socket.removeAllListeners('data');
}

async function makeWindows({ databaseUrl, prefix }: StoresAddress, rows: number): Promise<Buffer[]> {
  const pool = connectPostgres({
    url: databaseUrl,
    applicationName: 'claim-reconciler bench',
    ...defaultPoolLimits,
    onError: () => undefined,
  });
  const windows: Buffer[] = [];
  let last = '0';
  for (let at = 0; at < rows; at += keysPerWindow) {
    const page = await pool.query<{ id: string; key: string }>(
      `select id, ${keyOf(prefix)} as key from gift_claim where id > $1 order by id limit $2`,
      [last, Math.min(keysPerWindow, rows - at)],
    );
    last = page.rows.at(-1)?.id ?? last;
    const requests = page.rows.flatMap(({ key }) => [command('GET', key), command('PTTL', key)]);
    windows.push(Buffer.from([...requests, command('ECHO', endOfWindow)].join('')));
  }
  await endPool(pool, 1_000);
  return windows;
}

function command(name: string, argument: string): string {
  return `*2\r\n$${name.length}\r\n${name}\r\n$${Buffer.byteLength(argument)}\r\n${argument}\r\n`;
}

/** SQL: the marker's key. */
function keyOf(prefix: string): string {
  return `${pg.escapeLiteral(`${prefix}gift:`)} || activity_id || ':' || gift_id || ':' || uid`;
}
