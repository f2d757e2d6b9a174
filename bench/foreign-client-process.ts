/**
 * Another client of the marker Redis, in a process of its own: one GET after the other over a raw socket, with a pause of a
 * millisecond, noting how long each answer takes. Told `start` and `stop` over its channel; answers `stop` with what it felt.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Felt } from './politeness.ts';

const pauseMs = 1;

const [url = '', key = ''] = process.argv.slice(2);
const { hostname, port } = new URL(url);
const socket = connect(Number(port), hostname);
await once(socket, 'connect');
socket.setNoDelay(true);
const request = Buffer.from(`*2\r\n$3\r\nGET\r\n$${Buffer.byteLength(key)}\r\n${key}\r\n`);
/** Of the round; what comes between two rounds is dropped with the start of the next. */
let waits: number[] = [];

process.on('disconnect', () => process.exit());
process.on('message', (order) => {
  if (order === 'start') waits = [];
  else process.send?.(describeWaits(waits));
});
process.send?.('ready');

for (;;) {
  const askedAtMs = performance.now();
  const answered = once(socket, 'data');
  socket.write(request);
  await answered;
  waits.push(performance.now() - askedAtMs);
  await pause(pauseMs);
}

function describeWaits(all: readonly number[]): Felt {
  const sorted = all.toSorted((a, b) => a - b);
  const share = (part: number): number => sorted[Math.floor(sorted.length * part)] ?? Number.NaN;
  return { gets: sorted.length, p50Ms: share(0.5), p99Ms: share(0.99), maxMs: sorted.at(-1) ?? Number.NaN };
}
