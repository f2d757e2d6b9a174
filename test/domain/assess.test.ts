/**
 * The decision table of `assess`, every cell of it, its edges, and what holds for any input.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assess, isWindowOpen, namesAttempt, remainingMs } from '../../src/domain/assess.ts';
import type { ClaimReading, ReadableClaim } from '../../src/domain/claim.ts';
import { endOfTimeMs } from '../../src/domain/claim-window.ts';
import type { MarkerReading } from '../../src/domain/marker.ts';
import { isBad, verdicts, type Verdict } from '../../src/domain/verdict.ts';
import {
  absent,
  anyClaim,
  anyMarker,
  anyObservation,
  anyReadableClaim,
  anyRules,
  claimOf,
  leftMs,
  noRow,
  nowMs,
  present,
  rulesOf,
  toleranceMs,
  undecodable,
  unread,
  unreadableClaim,
} from './observations.ts';

const overMs = -500;

/** The rows of the table. The window of a claim that is over ended less than the tolerance ago. */
const claims = {
  unreadable: unreadableClaim,
  pending: claimOf('pending'),
  'granted, open': claimOf('granted'),
  'granted, over': claimOf('granted', { expiresAtMs: nowMs + overMs }),
  released: claimOf('released'),
  'no row': noRow,
} satisfies Record<string, ClaimReading>;
type Row = keyof typeof claims;

/** The columns. "Agrees" and "off" are measured against the claim's own window. */
const columns = [
  'unread',
  'undecodable',
  'absent',
  "another's",
  "another's, no expiry",
  'own, no expiry',
  'own, expiry off',
  'own, expiry agrees',
] as const;
type Column = (typeof columns)[number];
type Cells = Record<Column, Verdict>;
type Table = Record<Row, Cells>;

function markerIn(column: Column, claim: ClaimReading): MarkerReading {
  const dueMs = claim.kind === 'readable' ? remainingMs(claim, nowMs) : leftMs;
  switch (column) {
    case 'unread':
      return unread;
    case 'undecodable':
      return undecodable;
    case 'absent':
      return absent;
    case "another's":
      return present('a2', Math.max(0, dueMs));
    case "another's, no expiry":
      return present('a2', null);
    case 'own, no expiry':
      return present('a1', null);
    case 'own, expiry off':
      return present('a1', dueMs + toleranceMs + 1);
    case 'own, expiry agrees':
      return present('a1', Math.max(0, dueMs));
  }
}

function cells(rest: Verdict, changes: Partial<Cells> = {}): Cells {
  const all = Object.fromEntries(columns.map((column) => [column, rest])) as Cells;
  return { ...all, unread: 'unknown', undecodable: 'unreadable_marker', ...changes };
}

/** Where the marker's value names the attempt. */
const named: Table = {
  unreadable: cells('unreadable_claim', { undecodable: 'unreadable_claim' }),
  pending: cells('in_doubt'),
  'granted, open': cells('conflicting_marker', {
    absent: 'missing_marker',
    'own, no expiry': 'immortal_marker',
    'own, expiry off': 'wrong_expiry',
    'own, expiry agrees': 'consistent',
  }),
  'granted, over': cells('consistent', {
    'own, no expiry': 'immortal_marker',
    'own, expiry off': 'wrong_expiry',
  }),
  released: cells('consistent', {
    'own, no expiry': 'orphan_marker',
    'own, expiry off': 'orphan_marker',
    'own, expiry agrees': 'orphan_marker',
  }),
  'no row': cells('rowless_marker', {
    absent: 'consistent',
    "another's": 'consistent',
    "another's, no expiry": 'consistent',
  }),
};

/**
 * Where it does not: the same, but a released claim's marker must also have the expiry that this claim set, and what is
 * there after a granted claim's window is somebody else's. A life without an end is wrong whoever's it is.
 */
const shared: Table = {
  ...named,
  'granted, over': cells('consistent', { 'own, no expiry': 'immortal_marker' }),
  released: cells('consistent', {
    'own, no expiry': 'immortal_marker',
    'own, expiry agrees': 'orphan_marker',
  }),
};

const tables: readonly [string, Table, boolean][] = [
  ['values name the attempt', named, true],
  ['values are shared by attempts', shared, false],
];

for (const [title, table, valueNamesAttempt] of tables) {
  describe(`assess, where ${title}`, () => {
    const rules = rulesOf({ valueNamesAttempt });
    const all = (Object.keys(claims) as Row[]).flatMap((row) =>
      columns.map((column) => ({ row, column, verdict: table[row][column] })),
    );
    it.each(all)('claim $row, marker $column: $verdict', ({ row, column, verdict }) => {
      const claim = claims[row];
      expect(assess({ claim, marker: markerIn(column, claim) }, rules, nowMs)).toBe(verdict);
    });
  });
}

describe('assess, where any value will do', () => {
  const rules = rulesOf({ valueNamesAttempt: false });
  const anyValueOf = (claim: ReadableClaim): ReadableClaim => ({ ...claim, markerValue: null });

  it('takes whatever value is there for the granted claim, and judges its expiry', () => {
    const claim = anyValueOf(claims['granted, open']);
    expect(assess({ claim, marker: present('a2', leftMs) }, rules, nowMs)).toBe('consistent');
    expect(assess({ claim, marker: present('a2', null) }, rules, nowMs)).toBe('immortal_marker');
    expect(assess({ claim, marker: present('a2', 5 * leftMs) }, rules, nowMs)).toBe('wrong_expiry');
    expect(assess({ claim, marker: absent }, rules, nowMs)).toBe('missing_marker');
  });

  it("takes it for the released claim's only with the expiry that this claim set", () => {
    const claim = anyValueOf(claims.released);
    expect(assess({ claim, marker: present('a2', leftMs) }, rules, nowMs)).toBe('orphan_marker');
    expect(assess({ claim, marker: present('a2', 5 * leftMs) }, rules, nowMs)).toBe('consistent');
    expect(assess({ claim, marker: present('a2', null) }, rules, nowMs)).toBe('immortal_marker');
  });

  it.each([true, false])(
    'says of no marker that it names the attempt (configured: %s)',
    (valueNamesAttempt) => {
      const told = rulesOf({ valueNamesAttempt });
      expect(namesAttempt(anyValueOf(claims.released), told)).toBe(false);
      expect(namesAttempt(claims.released, told)).toBe(valueNamesAttempt);
      const over = anyValueOf(claims['granted, over']);
      expect(assess({ claim: over, marker: present('a2', 5 * leftMs) }, told, nowMs)).toBe('consistent');
    },
  );
});

describe('the edges of assess', () => {
  const granted = claims['granted, open'];

  it.each([
    [0, 'consistent'],
    [toleranceMs, 'consistent'],
    [toleranceMs + 1, 'wrong_expiry'],
    [-toleranceMs, 'consistent'],
    [-toleranceMs - 1, 'wrong_expiry'],
  ] as const)('an expiry off by %i ms of a tolerance of one second is %s', (offMs, verdict) => {
    const marker = present('a1', leftMs + offMs);
    expect(assess({ claim: granted, marker }, rulesOf(), nowMs)).toBe(verdict);
  });

  it.each([
    [toleranceMs, 'orphan_marker'],
    [toleranceMs + 1, 'consistent'],
    [-toleranceMs, 'orphan_marker'],
    [-toleranceMs - 1, 'consistent'],
  ] as const)('a shared value of a released claim, %i ms off its expiry, is %s', (offMs, verdict) => {
    const marker = present('a1', leftMs + offMs);
    const rules = rulesOf({ valueNamesAttempt: false });
    expect(assess({ claim: claims.released, marker }, rules, nowMs)).toBe(verdict);
  });

  it('with a tolerance of zero only the exact expiry agrees', () => {
    const rules = rulesOf({ toleranceMs: 0 });
    expect(assess({ claim: granted, marker: present('a1', leftMs) }, rules, nowMs)).toBe('consistent');
    expect(assess({ claim: granted, marker: present('a1', leftMs - 1) }, rules, nowMs)).toBe('wrong_expiry');
  });

  it.each([-1, 0, toleranceMs])('a window that ends %i ms from now holds nobody to a marker', (endsInMs) => {
    const claim = claimOf('granted', { expiresAtMs: nowMs + endsInMs });
    expect(assess({ claim, marker: absent }, rulesOf(), nowMs)).toBe('consistent');
    expect(assess({ claim, marker: present('a2', leftMs) }, rulesOf(), nowMs)).toBe('consistent');
  });

  it.each([
    [toleranceMs + 1, true],
    [toleranceMs, false],
    [0, false],
  ])('a window that ends %i ms from now is open: %s', (endsInMs, isOpen) => {
    const claim = claimOf('granted', { expiresAtMs: nowMs + endsInMs });
    expect(isWindowOpen(claim, rulesOf(), nowMs)).toBe(isOpen);
    expect(assess({ claim, marker: absent }, rulesOf(), nowMs)).toBe(
      isOpen ? 'missing_marker' : 'consistent',
    );
  });

  it('after the window the marker of a shared value is left alone, that of a named attempt is not', () => {
    const claim = claims['granted, over'];
    const marker = present('a1', 5 * leftMs);
    expect(assess({ claim, marker }, rulesOf({ valueNamesAttempt: false }), nowMs)).toBe('consistent');
    expect(assess({ claim, marker }, rulesOf(), nowMs)).toBe('wrong_expiry');
  });

  it('tells an empty value from no expected value', () => {
    const claim = claimOf('granted', { markerValue: '' });
    expect(assess({ claim, marker: present('', leftMs) }, rulesOf(), nowMs)).toBe('consistent');
    expect(assess({ claim, marker: present('a1', leftMs) }, rulesOf(), nowMs)).toBe('conflicting_marker');
  });

  it('counts what is left of the window from the given moment, below zero when it is over', () => {
    expect(remainingMs(granted, nowMs)).toBe(leftMs);
    expect(remainingMs(granted, nowMs + leftMs + 5)).toBe(-5);
  });
});

describe('assess, for any input', () => {
  it('answers with a known verdict and never throws', () => {
    fc.assert(
      fc.property(anyObservation, anyRules, (observation, rules) => {
        expect(verdicts).toContain(assess(observation, rules, nowMs));
      }),
    );
  });

  it('a failed read is unknown whatever the claim says, and nothing else is', () => {
    fc.assert(
      fc.property(anyClaim, anyMarker, anyRules, (claim, marker, rules) => {
        const verdict = assess({ claim, marker }, rules, nowMs);
        expect(verdict === 'unknown').toBe(marker.kind === 'unread');
      }),
    );
  });

  it('speaks of a marker only where one was seen', () => {
    const ofSeenMarkers: readonly Verdict[] = [
      'immortal_marker',
      'wrong_expiry',
      'conflicting_marker',
      'orphan_marker',
      'rowless_marker',
      'unreadable_marker',
    ];
    fc.assert(
      fc.property(anyClaim, anyRules, (claim, rules) => {
        expect(ofSeenMarkers).not.toContain(assess({ claim, marker: absent }, rules, nowMs));
      }),
    );
  });

  it('never calls a marker an orphan whose value the released claim does not expect', () => {
    fc.assert(
      fc.property(anyReadableClaim, anyMarker, anyRules, (claim, marker, rules) => {
        if (assess({ claim, marker }, rules, nowMs) !== 'orphan_marker') return;
        expect(claim.status).toBe('released');
        expect([null, marker.kind === 'present' ? marker.value : undefined]).toContain(claim.markerValue);
      }),
    );
  });

  it('holds nobody to a marker that would be gone within the tolerance, nor times one that may be a newer attempt', () => {
    fc.assert(
      fc.property(anyReadableClaim, anyMarker, anyRules, (claim, marker, rules) => {
        if (isWindowOpen(claim, rules, nowMs)) return;
        const verdict = assess({ claim, marker }, rules, nowMs);
        expect(['missing_marker', 'conflicting_marker']).not.toContain(verdict);
        if (!namesAttempt(claim, rules)) expect(verdict).not.toBe('wrong_expiry');
      }),
    );
  });

  it('depends on the time left, not on the time of day', () => {
    const anyShiftMs = fc.integer({ min: -1_000_000_000, max: 1_000_000_000 });
    fc.assert(
      fc.property(anyReadableClaim, anyMarker, anyRules, anyShiftMs, (claim, marker, rules, shiftMs) => {
        const later = { ...claim, expiresAtMs: claim.expiresAtMs + shiftMs };
        expect(assess({ claim: later, marker }, rules, nowMs + shiftMs)).toBe(
          assess({ claim, marker }, rules, nowMs),
        );
      }),
    );
  });

  it('a wider tolerance finds nothing more wrong with a granted claim', () => {
    fc.assert(
      fc.property(anyReadableClaim, anyMarker, anyRules, fc.nat(), (found, marker, rules, moreMs) => {
        const claim: ReadableClaim = { ...found, status: 'granted' };
        const wider = { ...rules, toleranceMs: rules.toleranceMs + moreMs };
        if (isBad(assess({ claim, marker }, rules, nowMs))) return;
        expect(isBad(assess({ claim, marker }, wider, nowMs))).toBe(false);
      }),
    );
  });
});

describe('where markers have no expiry on purpose', () => {
  const endless = rulesOf({ endless: true });
  const granted = claimOf('granted', { expiresAtMs: endOfTimeMs });

  it('a granted claim is consistent with one that has none, or that lives until the end of time', () => {
    const marker = (expiresInMs: number | null): Verdict =>
      assess({ claim: granted, marker: present('a1', expiresInMs) }, endless, nowMs);
    expect(marker(null)).toBe('consistent');
    expect(marker(endOfTimeMs - nowMs)).toBe('consistent');
    expect(marker(leftMs)).toBe('wrong_expiry');
    expect(assess({ claim: granted, marker: absent }, endless, nowMs)).toBe('missing_marker');
    expect(assess({ claim: granted, marker: present('a2', null) }, endless, nowMs)).toBe(
      'conflicting_marker',
    );
  });

  it('a released one is an orphan, or told to people where the value does not name its attempt', () => {
    const claim = claimOf('released', { expiresAtMs: endOfTimeMs });
    const observation = { claim, marker: present('a1', null) };
    expect(assess(observation, endless, nowMs)).toBe('orphan_marker');
    const vague = { ...endless, valueNamesAttempt: false };
    expect(assess(observation, vague, nowMs)).toBe('immortal_marker');
  });
});
