/**
 * Loaded before a process: shows the whole of it a wall clock that is off by CLOCK_OFFSET_MS. The monotonic clock stays as it is, and
 * so do timers.
 */
const offsetMs = Number(process.env['CLOCK_OFFSET_MS'] ?? '0');
const RealDate = Date;

class ShiftedDate extends RealDate {
  constructor(...args: [] | [number]) {
    if (args.length === 0) super(RealDate.now() + offsetMs);
    else super(...args);
  }

  static override now(): number {
    return RealDate.now() + offsetMs;
  }
}

Object.defineProperty(globalThis, 'Date', { value: ShiftedDate });
