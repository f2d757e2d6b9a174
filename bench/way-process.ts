/**
 * The process of one way: does what it is told over its channel (`prepare`, `run`), and ends with the channel.
 * Measures its own runs only: time, CPU, memory.
 */
import { callsSoFar } from './count-calls.ts';
import { openOurPass } from './our-pass.ts';
import { openCopyFloor, openMarkerFloor } from './floors.ts';
import { openScript } from './scripts.ts';
import type { Way, WayRequest, WayRun } from './way.ts';

const request = JSON.parse(process.argv[2] ?? '') as WayRequest;
const way = await openWay(request);
process.on('disconnect', () => void way.close().finally(() => process.exit()));
process.on('message', (order) => void obey(order));
process.send?.('ready');

async function openWay({ way: name, stores, rows }: WayRequest): Promise<Way> {
  switch (name) {
    case 'ours':
      return openOurPass(stores, rows);
    case 'floorPostgres':
      return openCopyFloor(stores, rows);
    case 'floorRedis':
      return openMarkerFloor(stores, rows);
    case 'batched':
    case 'rowByRow':
    case 'scan':
      return openScript(name, stores, rows);
  }
}

/** An error ends the process with a stack: a bench that goes on after one would print figures of something else. */
async function obey(order: unknown): Promise<void> {
  if (order === 'prepare') {
    await way.prepare?.();
    process.send?.('prepared');
    return;
  }
  const callsBefore = callsSoFar();
  const cpuBefore = process.cpuUsage();
  const startedAtMs = performance.now();
  const judged = await way.run();
  const seconds = (performance.now() - startedAtMs) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  const calls = callsSoFar();
  const run: WayRun = {
    judged,
    seconds,
    cpuSeconds: (user + system) / 1e6,
    peakMegabytes: process.resourceUsage().maxRSS / 1024,
    statements: calls.statements - callsBefore.statements,
    commands: calls.commands - callsBefore.commands,
  };
  process.send?.(run);
}
