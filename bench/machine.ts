/**
 * What the figures were measured on: part of each result, since only figures of one machine and one run may be compared.
 */
import { cpus, loadavg, totalmem } from 'node:os';

export interface Machine {
  readonly cpus: number;
  readonly model: string;
  readonly memoryMegabytes: number;
  readonly node: string;
  readonly platform: string;
  readonly at: string;
  /** Processes that wanted a CPU, on average over the last minute: well above 0 before a bench means a busy machine. */
  readonly load: number;
}

export function describeMachine(): Machine {
  const all = cpus();
  return {
    cpus: all.length,
    model: all[0]?.model ?? 'unknown',
    memoryMegabytes: Math.round(totalmem() / 1024 ** 2),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    at: new Date().toISOString(),
    load: Number((loadavg()[0] ?? 0).toFixed(2)),
  };
}
