import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createMigratedDatabase, engineNames, type TestDatabase } from '../testing/core-databases.js';
import { happened, metadata } from '../testing/hooked-core.js';
import { sql, type CoreDatabase, type Row } from './core-database.js';
import { NewerCore } from './errors.js';
import type { EventStore, InlineProjection } from './event-store.js';
import type { ReadModel } from './rebuild.js';
import { liftReadModels } from './shapes.js';
import { createEventStore } from './store.js';

const version = '7.0.0';

describe.each(engineNames)('shapes of read models: %s', (engine) => {
  let database: TestDatabase;
  let core: CoreDatabase;
  let store: EventStore;
  let refused: string | null;

  const counts: InlineProjection = {
    name: 'counts',
    async apply(tx, events) {
      for (const { stream, version: seen, type } of events) {
        if (type === refused) throw new Error(`cannot take ${type}`);
        await tx.upsert('counts', ['stream'], { stream, seen });
        await tx.upsert('secrets', ['stream'], { stream, seen: -1 });
        await tx.execute(sql`delete from secrets where stream = ${stream}`);
      }
    },
  };
  const names: InlineProjection = {
    name: 'names',
    async apply(tx, events) {
      for (const { stream, version: seen } of events)
        if (seen === 1) await tx.execute(sql`insert into names (stream) values (${stream})`);
    },
  };
  const model = (shape: number): ReadModel => ({ projection: counts, shape, tables: ['counts'], beside: ['secrets'] });
  const other: ReadModel = { projection: names, shape: 1, tables: ['names'] };

  beforeEach(async () => {
    database = await createMigratedDatabase(engine);
    core = await database.open();
    for (const table of ['counts', 'secrets'])
      await core.execute({
        texts: [`create table ${table} (stream varchar(100) not null primary key, seen integer not null)`],
        values: [],
      });
    await core.execute(sql`create table names (stream varchar(100) not null primary key)`);
    refused = null;
    store = createEventStore(core, { projections: [counts, names] });
  });
  afterEach(() => database.drop());

  const lift = (models: ReadModel[], on = core): Promise<string[]> =>
    liftReadModels(on, createEventStore(on), models, { version });
  const fill = async (): Promise<void> => {
    for (const stream of ['a', 'b', 'c'])
      await store.append(
        [{ stream, expectedVersion: 0, events: Array.from({ length: 150 }, (_, n) => happened(n)) }],
        metadata,
      );
  };
  const rows = (): Promise<Row[]> => core.query(sql`select stream, seen from counts order by stream`);
  const shapes = (): Promise<Row[]> =>
    core.query(sql`select name, shape, written_by from read_model_shapes order by name`);

  test('at the first start there is nothing to make anew, and each start after it looks once', async () => {
    expect(await lift([model(3), other])).toEqual([]);
    expect(await shapes()).toEqual([
      { name: 'counts', shape: 3, written_by: version },
      { name: 'names', shape: 1, written_by: version },
    ]);
    let statements = 0;
    const counted: CoreDatabase = Object.assign(Object.create(core) as CoreDatabase, {
      query: (statement: Parameters<CoreDatabase['query']>[0]) => {
        statements++;
        return core.query(statement);
      },
      execute: () => {
        throw new Error('nothing is to be written');
      },
      transaction: () => {
        throw new Error('no lock is needed');
      },
    });
    await fill();
    expect(await liftReadModels(counted, store, [model(3), other], { version })).toEqual([]);
    expect(statements).toBe(1);
  });

  test('an older shape is made anew from the log, and nothing else is touched', async () => {
    await lift([model(1), other]);
    await fill();
    const lived = await rows();
    await core.execute(sql`update counts set seen = 7`);
    await core.execute(sql`delete from names`);
    await core.execute(sql`insert into secrets (stream, seen) values (${'a'}, 1)`);
    expect(await lift([model(2), other])).toEqual(['counts']);
    expect(await rows()).toEqual(lived);
    expect(await core.query(sql`select stream, seen from secrets`)).toEqual([{ stream: 'a', seen: 1 }]);
    expect(await core.query(sql`select stream from names`)).toEqual([]);
    expect(await shapes()).toMatchObject([
      { name: 'counts', shape: 2 },
      { name: 'names', shape: 1 },
    ]);
    expect(await lift([model(2), other])).toEqual([]);
  });

  test('rows of which no shape is known, as all before there were shapes, are made anew', async () => {
    await fill();
    const lived = await rows();
    await core.execute(sql`delete from counts where stream = ${'b'}`);
    expect(await lift([model(1), other])).toEqual(['counts', 'names']);
    expect(await rows()).toEqual(lived);
  });

  test('a model behind the log begins anew', async () => {
    await fill();
    await core.execute(
      sql`insert into checkpoints (name, position, failures, error) values (${'counts'}, 99, 2, ${'it stood still'})`,
    );
    expect(await lift([{ projection: counts, shape: 1, tables: ['counts'], behind: true }])).toEqual(['counts']);
    expect(await rows()).toEqual([]);
    expect(await core.query(sql`select position, failures, error from checkpoints where name = ${'counts'}`)).toEqual([
      { position: 0, failures: 0, error: null },
    ]);
  });

  test('10 processes that start at once: one does it, the others wait and find it done', async () => {
    await fill();
    const lived = await rows();
    await core.execute(sql`update counts set seen = 7`);
    const cores = await Promise.all(Array.from({ length: 10 }, () => database.open()));
    const done = await Promise.all(cores.map((one) => lift([model(1), other], one)));
    expect(done.filter((made) => made.length > 0)).toEqual([['counts', 'names']]);
    expect(await rows()).toEqual(lived);
  }, 30_000);

  test('an event that cannot be played again leaves everything as it was', async () => {
    await lift([model(1)]);
    await fill();
    await store.append([{ stream: 'c', expectedVersion: 150, events: [{ ...happened(1), type: 'odd' }] }], metadata);
    const before = await rows();
    refused = 'odd';
    await expect(lift([model(2)])).rejects.toThrow('cannot take odd');
    expect(await rows()).toEqual(before);
    expect(await shapes()).toMatchObject([{ name: 'counts', shape: 1 }]);
  });

  test('a shape newer than the code is refused, with who wrote it and what to do', async () => {
    await lift([model(9)]);
    const error = await lift([model(8)]).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NewerCore);
    expect(error).toMatchObject({
      code: 'newer_core',
      message: expect.stringMatching(
        new RegExp(
          'read model counts was written in shape 9 by version 7\\.0\\.0 on 20.*' +
            'this version knows shape 8\\. Start the newer version again',
        ),
      ),
    });
  });
});
