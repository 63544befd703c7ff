import { canonical, type Json, type LedgerRow } from '#byodb';
import type { StoredEvent } from '#event-store';
import type { Table } from '#tables';
import type { Evidence } from './evidence.js';
import type { Picture } from './picture.js';
import { ROLES, type Direction, type Role } from './scenarios.js';

/** `saga`: how it ended by its own word. */
export interface Verdict {
  end: 'old' | 'new' | 'wrong';
  wasStuck: boolean;
  saga: string;
  problems: string[];
}
/** How everything stood before the change, and how a run that nobody killed left it. */
export interface Expected {
  direction: Direction;
  before: { pictures: Record<Role, Picture>; table: Table };
  after: Evidence | null;
}

/** Pure. What a case came to: everything as before, everything as after, or wrong and why. */
export function judge(expected: Expected, found: Evidence): Verdict {
  const problems: string[] = [];
  const { status } = found.saga;
  const end = status === 'completed' ? 'new' : 'old';
  if (status !== 'completed' && status !== 'compensated' && status !== 'rejected')
    problems.push(`the saga is ${status}`);
  if (expected.direction !== 'forward' && end === 'new') problems.push('completed although a database refused');
  if (end === 'old') problems.push(...asBefore(expected, found));
  else if (expected.after !== null) problems.push(...asAfter(expected.after, found));
  problems.push(...happenedOnce(found), ...foldsToTheSame(found));
  return {
    end: problems.length === 0 ? end : 'wrong',
    wasStuck: found.wasStuck,
    saga: `${status}${found.saga.error === null ? '' : `: ${found.saga.error.message}`}`,
    problems,
  };
}

function asBefore({ before }: Expected, found: Evidence): string[] {
  const problems = ROLES.flatMap((role) => differ(`${role} database`, before.pictures[role], found.pictures[role]));
  const shown = (t: Table): object => ({
    name: t.name,
    columns: t.columns,
    exists: t.exists,
    databases: t.databases,
    set_aside: t.set_aside,
    pending: t.pending,
    ended: t.ended === 'failed' ? null : t.ended,
  });
  problems.push(...differ('table', shown(before.table), shown(found.table)));
  if (found.table.last_error === null) problems.push('the table does not show the error');
  return problems;
}

function asAfter(after: Evidence, found: Evidence): string[] {
  // Times are each run's own.
  const shown = (e: Evidence): object =>
    JSON.parse(JSON.stringify({ ...e.table, version: 0 }).replace(/"\d{4}-\d\d-\d\dT[\d:.]+Z"/g, '"a time"')) as object;
  return [
    ...ROLES.flatMap((role) =>
      differ(
        `${role} database`,
        namesOfSteps(after, shape(after.pictures[role])),
        namesOfSteps(found, shape(found.pictures[role])),
      ),
    ),
    ...differ('table', shown(after), shown(found)),
  ];
}

/**
 * Fingerprints hold names made from the steps' ids, which every run makes anew: the whole description stands for them.
 */
function shape(picture: Picture): object {
  return {
    objects: picture.objects,
    tables: Object.fromEntries(picture.tables.map(({ name, live, rows }) => [name, { live, rows }])),
  };
}

/** The same with every step's id told by its database and its place in the plan. */
function namesOfSteps(evidence: Evidence, value: object): object {
  let text = JSON.stringify(value);
  for (const role of ROLES) {
    evidence.saga.steps
      .filter((s) => s.target.name === role && s.phase === 'apply')
      .forEach((step, i) => {
        text = text.replaceAll(step.step_id.replaceAll('-', ''), `step${i}`).replaceAll(step.step_id, `step${i}`);
      });
  }
  // Where a name has no room for the whole id, a part of it, or of what is made from it, stands for it.
  text = text.replace(/_saga_[0-9a-f]{8}_/g, '_saga_step_');
  // Sorted by ids before, by names now.
  return sorted(JSON.parse(text) as Json) as object;
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.every((v) => typeof v === 'string') ? [...value].sort() : value.map(sorted);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, sorted(v)]));
  return value;
}

const HISTORY = ['SagaCompleted', 'SagaCompensated', 'SagaRejected'];

/** Each step was intended before it was applied, applied once, undone once; ledger and events say the same. */
function happenedOnce({ saga, events, tableEvents, ledger }: Evidence): string[] {
  const problems: string[] = [];
  const of = (type: string, step: string): StoredEvent[] =>
    events.filter((e) => e.type === type && (e.data as { step_id?: string }).step_id === step);
  const once = (what: string, n: number, wanted: number): void => {
    if (n !== wanted) problems.push(`${what}: ${n} times, not ${wanted}`);
  };
  once('end of the saga', events.filter((e) => HISTORY.includes(e.type)).length, 1);
  once(
    'outcome on the table',
    tableEvents.filter(
      (e) => (e.data as { saga_id?: string }).saga_id === saga.saga_id && !e.type.endsWith('Requested'),
    ).length,
    1,
  );
  for (const step of saga.steps.filter((s) => s.phase !== 'prepare')) {
    const name = `${step.target.name} ${step.operation}`;
    const [intended, applied, undone] = [
      of('StepIntended', step.step_id),
      of('StepApplied', step.step_id),
      of('StepCompensated', step.step_id),
    ];
    const rows = ledger[step.target.name as Role].filter((row) => row.step_id === step.step_id);
    const row = (direction: string): LedgerRow | undefined => rows.find((r) => r.direction === direction);
    if (applied.length > 1) problems.push(`${name}: StepApplied ${applied.length} times`);
    if (applied.length > 0 && !(intended.length > 0 && intended[0]!.version < applied[0]!.version))
      problems.push(`${name}: applied before it was intended`);
    if (intended.length === 0 && rows.length > 0) problems.push(`${name}: in the ledger without an intent`);
    if (saga.status === 'completed') {
      // A step of history that a database catches up with tells its way in its plan.
      const way = (step.plan as { way?: string }).way ?? step.phase;
      once(`${name}: StepApplied`, applied.length, 1);
      once(
        `${name}: compensation`,
        undone.length + (row('compensate') === undefined ? 0 : 1),
        way === 'compensate' ? 1 : 0,
      );
      const did = row(way)?.state;
      if (did !== 'done') problems.push(`${name}: the ledger says ${did ?? 'nothing'} of its application`);
    } else {
      once(`${name}: StepCompensated`, undone.length, intended.length > 0 ? 1 : 0);
      const state = row('compensate')?.state;
      if (intended.length > 0 && state !== 'done' && state !== 'nothing')
        problems.push(`${name}: the ledger says ${state ?? 'nothing'} of its compensation`);
      if (row('apply')?.state === 'done' && state === 'nothing') problems.push(`${name}: applied, and nothing undone`);
      if (applied.length > 0 && row('apply')?.state !== 'done')
        problems.push(`${name}: applied by the events, ${row('apply')?.state ?? 'unknown'} by the ledger`);
    }
    const [before, after] = [applied[0]?.data as Prints | undefined, undone[0]?.data as Prints | undefined];
    if (before !== undefined && after !== undefined && before.fingerprint_before !== after.fingerprint_after)
      problems.push(`${name}: compensated to another fingerprint than it began with`);
    if (
      before !== undefined &&
      row('apply') !== undefined &&
      (row('apply')!.fingerprint_before !== before.fingerprint_before ||
        row('apply')!.fingerprint_after !== before.fingerprint_after)
    )
      problems.push(`${name}: ledger and event have other fingerprints`);
  }
  return problems;
}
interface Prints {
  fingerprint_before: string;
  fingerprint_after: string;
}

function foldsToTheSame({ saga, table, replayed, brokenLink }: Evidence): string[] {
  return [
    ...differ('saga read model', replayed.saga, saga),
    ...differ('table read model', replayed.table, table),
    ...(brokenLink ? ['the hash chain is broken'] : []),
  ];
}

/** The first place where two JSON values differ, in words; empty: none. */
export function differ(what: string, expected: unknown, found: unknown): string[] {
  if (canonical((expected ?? null) as Json) === canonical((found ?? null) as Json)) return [];
  if (
    typeof expected === 'object' &&
    typeof found === 'object' &&
    expected !== null &&
    found !== null &&
    Array.isArray(expected) === Array.isArray(found)
  ) {
    for (const key of new Set([...Object.keys(expected), ...Object.keys(found)])) {
      const problems = differ(
        `${what}.${key}`,
        (expected as Record<string, unknown>)[key],
        (found as Record<string, unknown>)[key],
      );
      if (problems.length > 0) return problems;
    }
  }
  return [`${what}: expected ${short(expected)}, found ${short(found)}`];
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
