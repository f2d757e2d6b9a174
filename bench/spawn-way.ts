/**
 * Starts the process of a way and gives it orders. It runs compiled code, as in production: a loader for TypeScript would
 * count as memory of the program.
 * Invariant kept: none outlives its `close`, nor the process that started it (the channel closes).
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { WayRequest, WayRun } from './way.ts';

export interface WayProcess {
  prepare(): Promise<void>;
  run(): Promise<WayRun>;
  close(): Promise<void>;
}

/** @param compiled the folder that `compileBench` returned */
export async function spawnWay(compiled: string, request: WayRequest): Promise<WayProcess> {
  const child = fork(`${compiled}/bench/way-process.js`, [JSON.stringify(request)], { execArgv: [] });
  const { way } = request;
  await nextMessage(child, way);
  return {
    async prepare() {
      child.send('prepare');
      await nextMessage(child, way);
    },
    async run() {
      child.send('run');
      return (await nextMessage(child, way)) as WayRun;
    },
    async close() {
      if (child.exitCode !== null) return;
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}

/** Rejects when the process ends instead. @param name of the process, for people */
export async function nextMessage(child: ChildProcess, name: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: unknown): void => {
      child.off('exit', onExit);
      resolve(message);
    };
    const onExit = (code: number | null): void => {
      child.off('message', onMessage);
      reject(new Error(`the process of ${name} ended with ${code ?? 'a signal'}; what it printed is above`));
    };
    child.once('message', onMessage);
    child.once('exit', onExit);
  });
}
