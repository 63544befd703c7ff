import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Evidence } from './src/evidence.js';
import { judge } from './src/judge.js';
import { drawn, Matrix, random, shuffle, sideBySide, type Row } from './src/matrix.js';
import { describe as tell } from './src/report.js';
import { DIRECTIONS, ENGINES, OPERATION_NAMES, OPERATIONS, type OperationName } from './src/scenarios.js';
import { runAll } from './src/servers.js';
import { Stage } from './src/stage.js';
import { Workers } from './src/workers.js';

const SEED = Number(process.env['CRASH_MATRIX_SEED'] ?? '1');
const JOBS = 3;

/** Two, of which one goes all the ways there are. */
function drawnOperations(next: () => number): OperationName[] {
  const shuffled = shuffle(OPERATION_NAMES, next);
  const first = shuffled.find((name) => OPERATIONS[name].directions.length === DIRECTIONS.length)!;
  return [first, shuffled.find((name) => name !== first)!];
}

let dir: string;
let stage: Stage;
let workers: Workers;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'crash-matrix-'));
  stage = new Stage(dir, { postgres: process.env['TEST_POSTGRES_URL'], mysql: process.env['TEST_MYSQL_URL'] });
  workers = new Workers(fileURLToPath(new URL('../dist/crash-matrix/src/worker.js', import.meta.url)), JOBS);
});

afterAll(async () => {
  await workers.stop();
  await stage.close();
  await rm(dir, { recursive: true, force: true });
});

test(`every kind of point, once on each engine, operations drawn by seed ${SEED}: old, new, or stuck with a way on`, async () => {
  const next = random(SEED);
  const matrix = new Matrix(stage, workers);
  const rows: Row[] = [];
  for (const engine of ENGINES)
    rows.push(
      ...(await matrix.rows({ engines: [engine], operations: drawnOperations(next), directions: DIRECTIONS }, JOBS)),
    );
  expect(rows.map((row) => [row.engine, row.operation, row.direction, row.undisturbed.end])).toEqual(
    rows.map((row) => [row.engine, row.operation, row.direction, row.direction === 'forward' ? 'new' : 'old']),
  );
  const cases = drawn(rows, next);
  const results = await sideBySide(cases, JOBS, ({ row, point }) => matrix.run(row, point));
  expect(results.filter((r) => r.end === 'wrong').map(tell)).toEqual([]);
  expect(results.filter((r) => r.missed).map(tell)).toEqual([]);
  // Both halves were gone through, on each engine, before and after its statements and its ledger's rows.
  for (const engine of ENGINES) {
    for (const way of ['apply', 'compensate']) {
      for (const what of ['run', 'ledger', 'commit'])
        expect(results.some((r) => r.engine === engine && r.point!.id.startsWith(`before engine ${way} ${what}`))).toBe(
          true,
        );
    }
  }
}, 600_000);

describe('the checker finds a wrong end', () => {
  let row: Row;
  let evidence: Evidence;
  const found = (plant: (e: Evidence) => void, direction: 'forward' | 'compensate' = 'forward'): string[] => {
    const copy = structuredClone(evidence);
    plant(copy);
    return judge({ direction, before: row.template.before, after: direction === 'forward' ? row.after : null }, copy)
      .problems;
  };

  beforeAll(async () => {
    [row] = (await new Matrix(stage, workers).rows(
      { engines: ['sqlite'], operations: ['alter_type'], directions: ['forward'] },
      1,
    )) as [Row];
    evidence = row.after!;
  });

  test('and none where there is none', () => {
    expect(found(() => undefined)).toEqual([]);
  });

  test.each<[string, (e: Evidence) => void, RegExp]>([
    [
      'a lost row',
      (e) => {
        e.pictures.engine.tables.find((t) => t.name === 'things')!.rows.pop();
      },
      /rows/,
    ],
    [
      'a value that was bent',
      (e) => {
        e.pictures.other.tables.find((t) => t.name === 'things')!.rows[0]!['note'] = 'bent';
      },
      /note/,
    ],
    [
      'a column too many',
      (e) => {
        e.pictures.engine.tables.find((t) => t.name === 'things')!.live.columns.pop();
      },
      /columns/,
    ],
    [
      'what was left behind',
      (e) => {
        e.pictures.engine.objects.push('table _saga_0123');
      },
      /_saga_0123/,
    ],
    [
      'what was set aside and is gone',
      (e) => {
        e.pictures.other.tables = e.pictures.other.tables.filter((t) => t.name === 'things');
      },
      /nothing/,
    ],
    [
      'an effect twice',
      (e) => {
        e.events.push(e.events.find((event) => event.type === 'StepApplied')!);
      },
      /StepApplied 2 times/,
    ],
    [
      'an effect without its intent',
      (e) => {
        e.events = e.events.filter((event) => event.type !== 'StepIntended');
      },
      /before it was intended/,
    ],
    [
      'a ledger that knows nothing of it',
      (e) => {
        e.ledger.engine = [];
      },
      /the ledger says nothing/,
    ],
    [
      'a ledger that speaks of an undoing',
      (e) => {
        e.ledger.engine.push({ ...e.ledger.engine[0]!, direction: 'compensate' });
      },
      /compensation/,
    ],
    [
      'two ends',
      (e) => {
        e.events.push(e.events.at(-1)!);
      },
      /end of the saga: 2 times/,
    ],
    [
      'a read model that lags',
      (e) => {
        e.table = { ...e.table, columns: row.template.before.table.columns };
      },
      /table/,
    ],
    [
      'an end that is none',
      (e) => {
        e.saga.status = 'running';
      },
      /running/,
    ],
  ])('%s', (_, plant, problem) => {
    expect(found(plant).join('\n')).toMatch(problem);
  });

  test('a change that completed although a database refused', () => {
    expect(found(() => undefined, 'compensate').join('\n')).toMatch(/although a database refused/);
  });

  test('in a database itself, after a real kill', async () => {
    const spoiled = new Matrix(stage, workers, ({ targets }) =>
      runAll(targets[1]!.url, ['update things set amount = 77 where id = 2']),
    );
    const result = await spoiled.run(
      row,
      row.points.find((p) => p.id === 'after engine apply commit 1')!,
    );
    expect(result).toMatchObject({ end: 'wrong', missed: false });
    expect(result.problems.join('\n')).toMatch(/amount/);
  });
});
