import type { Evidence } from './evidence.js';
import { judge, type Verdict } from './judge.js';
import { kindOf, worthTaking, type Point } from './points.js';
import { DIRECTIONS, ENGINES, OPERATION_NAMES, OPERATIONS, type Direction, type OperationName } from './scenarios.js';
import type { Stage, Template } from './stage.js';
import type { Place } from './world.js';
import type { Workers } from './workers.js';

export interface Case {
  engine: string;
  operation: OperationName;
  direction: Direction;
  point: Point | null;
}
/** `missed`: the worker ended without coming by the point. */
export interface Result extends Case, Verdict {
  missed: boolean;
  successors: readonly number[];
  log: string[];
}

/** One kind of change, in one direction, on one engine: its places to die, and what a run to the end leaves. */
export interface Row {
  engine: string;
  operation: OperationName;
  direction: Direction;
  template: Template;
  points: Point[];
  after: Evidence | null;
  undisturbed: Result;
}

export interface Choice {
  engines: readonly string[];
  operations: readonly OperationName[];
  directions: readonly Direction[];
}
export const EVERYTHING: Choice = { engines: ENGINES, operations: OPERATION_NAMES, directions: DIRECTIONS };

export class Matrix {
  /** `tamper` spoils a case's databases before they are looked at: for the tests of the checker. */
  constructor(
    private readonly stage: Stage,
    private readonly workers: Workers,
    private readonly tamper: (place: Place) => Promise<void> = async () => undefined,
  ) {}

  /** Runs each chosen change once without a kill, to learn its points. */
  async rows({ engines, operations, directions }: Choice, jobs: number): Promise<Row[]> {
    const wanted = engines.flatMap((engine) => operations.map((operation) => ({ engine, operation })));
    return (
      await sideBySide(wanted, jobs, async ({ engine, operation }) => {
        const template = await this.stage.template(engine, operation);
        const rows: Row[] = [];
        for (const direction of directions.filter((d) =>
          (OPERATIONS[operation].directions as readonly Direction[]).includes(d),
        ))
          rows.push(await this.row(template, direction));
        return rows;
      })
    ).flat();
  }

  private async row(template: Template, direction: Direction): Promise<Row> {
    const { engine, operation } = template;
    const row: Row = { engine, operation, direction, template, points: [], after: null, undisturbed: null! };
    const { result, evidence, points } = await this.take(row, null);
    return { ...row, undisturbed: result, points: worthTaking(points, direction), after: evidence };
  }

  /**
   * One case: killed at the point, taken up by another worker, judged at the end. `successors` die too, each at that
   * many points of its own.
   */
  async run(row: Row, point: Point, successors: readonly number[] = []): Promise<Result> {
    return (await this.take(row, point, successors)).result;
  }

  private async take(
    row: Row,
    point: Point | null,
    successors: readonly number[] = [],
  ): Promise<{ result: Result; evidence: Evidence | null; points: Point[] }> {
    const { engine, operation, direction, template } = row;
    const base = { engine, operation, direction, point, successors };
    const { place, drop } = await this.stage.copy(template);
    try {
      const first = await this.workers.run({ place, direction, killAt: point?.id ?? null });
      await this.tamper(place);
      let last = first;
      for (const n of successors)
        if (last === 'killed') last = await this.workers.run({ place, direction, killAt: `#${n}` });
      if (last === 'killed') last = await this.workers.run({ place, direction, killAt: null });
      const missed = point !== null && first !== 'killed';
      if (last === 'killed') throw new Error('a worker was killed that should not have been');
      if (!last.ok)
        return {
          result: {
            ...base,
            end: 'wrong',
            wasStuck: false,
            saga: 'unknown',
            problems: [last.error],
            missed,
            log: last.log,
          },
          evidence: null,
          points: [],
        };
      const verdict = judge({ direction, before: template.before, after: row.after }, last.evidence);
      return { result: { ...base, ...verdict, missed, log: last.log }, evidence: last.evidence, points: last.points };
    } finally {
      await drop();
    }
  }
}

/** In order, `jobs` at a time. */
export async function sideBySide<T, R>(
  items: readonly T[],
  jobs: number,
  work: (item: T, i: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: jobs }, async () => {
      while (next < items.length) {
        const i = next++;
        results[i] = await work(items[i]!, i);
      }
    }),
  );
  return results;
}

/** Numbers from a seed: the same seed gives the same plan. mulberry32. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function shuffle<T>(items: readonly T[], next: () => number): T[] {
  const left = [...items];
  return items.map(() => left.splice(Math.floor(next() * left.length), 1)[0]!);
}

/** For each kind of point one, from a row drawn for it: what a test has time for. */
export function drawn(rows: readonly Row[], next: () => number): { row: Row; point: Point }[] {
  const kinds = new Map<string, { row: Row; point: Point }[]>();
  for (const row of rows) {
    for (const point of row.points) {
      const kind = `${row.engine} ${kindOf(point)}`;
      kinds.set(kind, [...(kinds.get(kind) ?? []), { row, point }]);
    }
  }
  return [...kinds.values()].map((all) => all[Math.floor(next() * all.length)]!);
}
