/**
 * The screening on a Redis Cluster: the lines of a page are put together by the server that holds their keys, and each server is
 * asked for its own, a block a call.
 * Invariants kept: no command names keys of two slots; a claim whose marker is elsewhere by now is never taken for one
 * without: it is suspicious, and read by itself, which follows it to where it is.
 */
import type { Cluster } from 'ioredis';
import { keySlot } from '../domain/key-slot.ts';
import { OperatingError } from '../domain/operating-error.ts';
import { markerServers } from './connect-markers.ts';
import { screenBlock, type ClaimLines, type ScreenOptions } from './screen-block.ts';

/** Of a message of COPY: its kind, its size, the number of fields. Each field has its size before it. */
const [headBytes, sizeBytes] = [7, 4];
/** As a script is refused that comes upon a key which its server does not hold, or not any more. */
const elsewhere = /Script attempted to access/;

/** Numbers of lines, from 0. */
type Lines = readonly number[];

/** Screens all lines and returns the suspicious, in no order. Throws OperatingError as `screenMarkers` does. */
export async function screenOnCluster(
  claims: ClaimLines,
  options: ScreenOptions & { readonly redis: Cluster },
): Promise<number[]> {
  const all = Array.from({ length: claims.count }, (_, line) => line);
  const found = all.filter((line) => !isJudgedByMarker(claims, line));
  const groups = groupByServer(
    claims,
    all.filter((line) => isJudgedByMarker(claims, line)),
    options.redis,
  );
  const work = async (lines: Lines): Promise<void> => {
    let next = 0;
    const takeBlocks = async (): Promise<void> => {
      while (next < lines.length) {
        const block = lines.slice(next, next + options.pace.lines);
        next += block.length;
        found.push(...(await screenOrFollow(claims, block, options)));
      }
    };
    await Promise.all(Array.from({ length: options.callsInFlight }, takeBlocks));
  };
  try {
    await Promise.all(groups.map(work));
  } finally {
    // Once a call has failed, nothing more is asked.
    for (const lines of groups) lines.length = 0;
  }
  return found;
}

/** Slots move while a Cluster is in use: what has moved is asked for again where it is, and at last one by one. */
async function screenOrFollow(
  claims: ClaimLines,
  lines: Lines,
  options: ScreenOptions & { readonly redis: Cluster },
): Promise<Lines> {
  const there = await screenTogether(claims, lines, options);
  if (there !== null) return there;
  await markerServers(options.redis, options.callTimeoutMs);
  const again = groupByServer(claims, lines, options.redis).map(
    async (group) => (await screenTogether(claims, group, options)) ?? group,
  );
  return (await Promise.all(again)).flat();
}

/** Null when not all of their keys are on one server. */
async function screenTogether(
  { bytes, bounds }: ClaimLines,
  lines: Lines,
  options: ScreenOptions,
): Promise<Lines | null> {
  const [first] = lines;
  if (first === undefined) return [];
  const size = (line: number): number => (bounds[line + 1] ?? 0) - (bounds[line] ?? 0);
  const text = Buffer.allocUnsafe(lines.reduce((sum, line) => sum + size(line), 0));
  let at = 0;
  for (const line of lines) at += bytes.copy(text, at, bounds[line], bounds[line + 1]);
  const key = keyOf({ bytes, bounds }, first).toString();
  try {
    const numbers = await screenBlock({ text, lines: lines.length, key }, options);
    return numbers.flatMap((number) => lines[number - 1] ?? []);
  } catch (error) {
    if (error instanceof OperatingError && elsewhere.test(error.message)) return null;
    throw error;
  }
}

/** By what the client knows of the slots; those of which it knows nothing are together. */
function groupByServer(claims: ClaimLines, lines: Lines, { slots }: Cluster): number[][] {
  const groups = new Map<string, number[]>();
  for (const line of lines) {
    const server = slots[keySlot(keyOf(claims, line))]?.[0] ?? '';
    const group = groups.get(server);
    if (group === undefined) groups.set(server, [line]);
    else group.push(line);
  }
  return [...groups.values()];
}

/** The key of any other claim may be none, and one that may not be read. */
function isJudgedByMarker({ bytes, bounds }: ClaimLines, line: number): boolean {
  const status = String.fromCharCode(bytes[(bounds[line] ?? 0) + headBytes + sizeBytes] ?? 0);
  return status === 'g' || status === 'r';
}

function keyOf({ bytes, bounds }: Pick<ClaimLines, 'bytes' | 'bounds'>, line: number): Buffer {
  const status = (bounds[line] ?? 0) + headBytes;
  const key = status + sizeBytes + bytes.readInt32BE(status);
  const from = key + sizeBytes;
  return bytes.subarray(from, from + bytes.readInt32BE(key));
}
