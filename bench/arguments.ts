/**
 * What `npm run bench` is asked for, from its arguments.
 * Invariant kept: what is wrong is told in sentences, all of it at once, before anything is started.
 */
import { parseArgs } from 'node:util';

/** Each bench with its options: the value unless given (a list where several may be), and what it means. */
const benches = {
  pass: {
    about: 'a whole pass, against the floor and against what one would write first',
    options: {
      rows: { otherwise: 200_000, about: 'claims, each but one in 25 with a marker' },
      repeats: { otherwise: 5, about: 'rounds that count, after one that does not' },
    },
  },
  scale: {
    about: 'how the time of a pass grows with the keys in Redis, and with the new claims',
    options: {
      keys: {
        otherwise: [1_000_000, 5_000_000, 10_000_000],
        about: 'keys in Redis, one size after the other',
      },
      fresh: {
        otherwise: [10_000, 100_000, 1_000_000],
        about: 'new claims, with the keys of the first size',
      },
      repeats: { otherwise: 9, about: 'rounds that count, after one that does not' },
    },
  },
  repairs: {
    about: 'repairs per second, and what a pass costs that finds nothing new',
    options: {
      rows: { otherwise: 10_000, about: 'claims, each with a marker that must be repaired' },
      repeats: { otherwise: 3, about: 'rounds that count, after one that does not' },
    },
  },
  workers: {
    about: 'a large pass by one, two and three daemons',
    options: {
      rows: { otherwise: 1_000_000, about: 'claims, each but one in 1,000 with a marker' },
      repeats: { otherwise: 3, about: 'rounds that count, after one that does not' },
    },
  },
  footprint: {
    about: 'how soon the daemon is ready, what it uses with nothing to do, and how large the install is',
    options: {
      rows: { otherwise: 10_000, about: 'claims, each with its marker' },
      seconds: { otherwise: 60, about: 'how long it is watched' },
      repeats: { otherwise: 5, about: 'starts that count, after one that does not' },
    },
  },
  gate: {
    about: 'claims through the gate, against a flow written by hand',
    options: {
      claims: { otherwise: 3_000, about: 'claims of each way in a round' },
      repeats: { otherwise: 5, about: 'rounds that count, after one that does not' },
    },
  },
} as const;

export type BenchName = keyof typeof benches;

type OptionName<Name extends BenchName> = keyof (typeof benches)[Name]['options'];

type ValueOf<Name extends BenchName, Option> = Option extends keyof (typeof benches)[Name]['options']
  ? (typeof benches)[Name]['options'][Option] extends { readonly otherwise: readonly number[] }
    ? readonly number[]
    : number
  : never;

export type BenchRequest = {
  [Name in BenchName]: {
    readonly bench: Name;
    readonly json: boolean;
    readonly options: { readonly [Option in OptionName<Name>]: ValueOf<Name, Option> };
  };
}[BenchName];

export type Arguments =
  | { readonly kind: 'help' }
  | { readonly kind: 'refused'; readonly problems: readonly string[] }
  | { readonly kind: 'bench'; readonly request: BenchRequest };

type Value = number | readonly number[];

const numberMax = 100_000_000;

/** @param words as after `npm run bench --` */
export function readArguments(words: readonly string[]): Arguments {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    strict: false,
    options: { help: { type: 'boolean' }, json: { type: 'boolean' }, ...numberOptions() },
  });
  if (values['help'] === true || positionals[0] === 'help') return { kind: 'help' };
  const [name = 'pass', ...more] = positionals;
  if (!isBench(name))
    return refused([
      `There is no bench ${JSON.stringify(name)}. There are: ${listed(Object.keys(benches))}.`,
    ]);
  const known: Readonly<Record<string, { readonly otherwise: Value }>> = benches[name].options;
  const problems = more.map((word) => `${JSON.stringify(word)} says nothing here: one bench at a time.`);
  const options: Record<string, Value> = Object.fromEntries(
    Object.entries(known).map(([option, { otherwise }]) => [option, otherwise]),
  );
  for (const [option, value] of Object.entries(values)) {
    if (option === 'json' && value === true) continue;
    if (!(option in known))
      problems.push(
        `The bench ${name} has no option --${option}. It has: ${listed(['json', ...Object.keys(known)].map((word) => `--${word}`))}.`,
      );
    else {
      const read = readValue(value, known[option]?.otherwise ?? 0);
      if (read === null)
        problems.push(
          `--${option} must be ${Array.isArray(known[option]?.otherwise) ? 'whole numbers with commas between, each' : 'a whole number'} from 1 to ${numberMax}, not ${JSON.stringify(value)}.`,
        );
      else options[option] = read;
    }
  }
  if (problems.length > 0) return refused(problems);
  return { kind: 'bench', request: { bench: name, json: values['json'] === true, options } as BenchRequest };
}

export function helpText(): string {
  const lines = Object.entries(benches).flatMap(([name, { about, options }]) => [
    '',
    `  ${name.padEnd(10)} ${about}`,
    ...Object.entries(options).map(
      ([option, { otherwise, about: meaning }]) =>
        `    --${option.padEnd(9)} ${meaning} (${String(otherwise)})`,
    ),
  ]);
  return [
    'npm run bench -- [BENCH] [OPTIONS]',
    '',
    'Measures on servers of its own, which it boots and removes. Only figures of one run may be compared.',
    'The bench is `pass` unless named:',
    ...lines,
    '',
    '  --json       one JSON object on standard output, with every figure; the rest goes to standard error',
    '  --help       this text',
  ].join('\n');
}

function numberOptions(): Record<string, { type: 'string' }> {
  const names = Object.values(benches).flatMap(({ options }) => Object.keys(options));
  return Object.fromEntries(names.map((name) => [name, { type: 'string' }]));
}

function isBench(name: string): name is BenchName {
  return name in benches;
}

/** Null for what is none. */
function readValue(text: unknown, like: Value): Value | null {
  if (typeof text !== 'string') return null;
  const numbers = (typeof like === 'number' ? [text] : text.split(',')).map((word) =>
    /^[1-9]\d*$/.test(word) && Number(word) <= numberMax ? Number(word) : null,
  );
  if (!numbers.every((number) => number !== null)) return null;
  return typeof like === 'number' ? (numbers[0] ?? null) : numbers;
}

function refused(problems: readonly string[]): Arguments {
  return { kind: 'refused', problems };
}

function listed(words: readonly string[]): string {
  return words.join(', ');
}
