import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from './client.js';
import { made, native } from './columns.js';
import { isAside, readTables } from './live.js';
import type { Done, Fate, Foreign } from './model.js';
import { Objects } from './objects.js';
import type { Options } from './options.js';
import type { Change, ChangeItem } from './plan-items.js';
import { plan } from './plan.js';
import { Random } from './random.js';
import { keyOf, Rows } from './rows.js';
import { patiently, quote, sql } from './sql.js';
import type { World } from './world.js';

export interface Asked {
  item: ChangeItem;
  fate: Fate;
}

/** As many accepted changes of one table may be waiting before the next one is asked for. */
const MOST_WAITING = 4;

/** Requests at once. */
const MOST_AT_ONCE = 10;
const ENDED = ['completed', 'compensated', 'rejected'];

/** So often history is told of what somebody did by hand. */
const INSISTS = 12;

/**
 * Carries the plan out: changes of one table one after another, different tables' side by side, faults between and
 * beside them.
 */
export class Run {
  readonly asked: Asked[] = [];
  readonly foreign: Foreign[] = [];
  readonly rows: Rows;
  readonly objects: Objects;
  private readonly lanes = new Map<number, Promise<void>>();
  private readonly waiting = new Map<number, string[]>();
  private readonly ids = new Map<number, { tableId: string; databases: string[] }>();
  private open = 0;
  private over = false;
  private readonly random: Random;

  constructor(
    private readonly world: World,
    private readonly options: Options,
  ) {
    this.random = new Random(options.seed ^ 0xa5a5);
    this.rows = new Rows(this.random);
    this.objects = new Objects(this.random, (table, database, key) => this.rows.isErased(table, database, key));
  }

  async go(): Promise<void> {
    const until = this.options.seconds === null ? Infinity : Date.now() + this.options.seconds * 1000;
    const writer = this.write();
    const progress = setInterval(() => {
      console.log(`${this.asked.length} asked, ${this.rows.written.length} rows, ${JSON.stringify(this.world.counts)}`);
    }, 30_000);
    try {
      let changes = 0;
      for (const item of plan({ ...this.options, databases: this.world.places })) {
        if (Date.now() > until || (item.item === 'change' && changes === this.options.changes)) break;
        await sleep(item.pauseMs);
        if (item.item === 'fault') {
          await this.world.inject(item);
          continue;
        }
        changes += 1;
        while (this.open >= MOST_AT_ONCE) await sleep(20);
        this.open += 1;
        this.lanes.set(
          item.table,
          (this.lanes.get(item.table) ?? Promise.resolve())
            .then(() => this.carryOut(item))
            .finally(() => {
              this.open -= 1;
            }),
        );
      }
      await Promise.all(this.lanes.values());
    } finally {
      this.over = true;
      clearInterval(progress);
      await writer;
    }
  }

  private async carryOut(item: ChangeItem): Promise<void> {
    const { client } = this.world;
    const known = this.ids.get(item.table);
    if (item.change.what === 'adopt') await this.makeByHand(item.change, item.table);
    else if (item.change.what !== 'create' && known === undefined) {
      this.asked.push({ item, fate: { fate: 'skipped' } });
      return;
    }
    for (const name of known?.databases ?? [])
      for (let i = 0; i < item.rows; i++) await this.rows.insert(item.table, this.world.place(name));
    const { occupied } = item.change.what === 'create' ? item.change : { occupied: null };
    if (occupied !== null && !occupied.late) await this.occupy(item);
    const done: Done = {};
    if (item.change.what === 'drift') {
      const by = await this.changeByHand(item, known!);
      if (by === null) {
        this.asked.push({ item, fate: { fate: 'skipped' } });
        return;
      }
      Object.assign(done, by);
    }
    if (item.change.what === 'revert') {
      const {
        body: { table },
      } = await client.ask('GET', `/tables/${known!.tableId}`);
      done.version = 2 + Math.floor(item.change.part * ((table as { version: number }).version - 1));
    }
    const [path, body] = requestOf(item.change, known?.tableId ?? '', done);
    const key = `chaos-${this.options.seed}-${item.seq}`;
    const answers = await Promise.all(
      Array.from({ length: item.twice ? 2 : 1 }, () => client.ask('POST', path, body, key)),
    );
    if (occupied !== null && occupied.late) await this.occupy(item);
    const fate = fateOf(answers.find((a) => a.status === 202) ?? answers[0]!);
    if (answers.some((a) => JSON.stringify(fateOf(a)) !== JSON.stringify(fate)))
      client.failures.push(
        `one Idempotency-Key, two answers: ${path} ${JSON.stringify(body)}: ${JSON.stringify(answers)}`,
      );
    // What the hand did stands, and history must be told of it: asked again until it is.
    if (item.change.what === 'drift' || item.change.what === 'adopt')
      return this.insist(item, fate, [path, body], done);
    this.asked.push({ item, fate: fate.fate === 'accepted' ? { ...fate, done } : fate });
    if (fate.fate !== 'accepted') return;
    if (item.change.what === 'create')
      this.ids.set(item.table, { tableId: fate.tableId, databases: item.change.databases });
    if (item.change.what === 'databases')
      this.ids.set(item.table, {
        tableId: fate.tableId,
        databases: [
          ...known!.databases.filter((name) => !(item.change as { remove: string[] }).remove.includes(name)),
          ...item.change.add,
        ],
      });
    if (item.abortAfterMs !== null) {
      await sleep(item.abortAfterMs);
      await client.ask('POST', `/sagas/${fate.sagaId}/abort`, { reason: 'chaos' }); // a 409 when it has ended: as good
    }
    const waiting = [...(this.waiting.get(item.table) ?? []), fate.sagaId];
    while (waiting.length > MOST_WAITING) {
      const {
        body: { saga },
      } = await client.ask('GET', `/sagas/${waiting[0]!}`);
      if (ENDED.includes((saga as { status: string }).status)) waiting.shift();
      else if ((saga as { status: string }).status === 'stuck') break;
      else await sleep(150);
    }
    this.waiting.set(item.table, waiting);
  }

  private async insist(item: ChangeItem, first: Fate, [path, body]: [string, object], done: Done): Promise<void> {
    const { client } = this.world;
    let fate = first;
    for (let attempt = 1; ; attempt++) {
      this.asked.push({ item, fate: fate.fate === 'accepted' ? { ...fate, done } : fate });
      if (fate.fate === 'accepted') {
        if (item.change.what === 'adopt')
          this.ids.set(item.table, { tableId: fate.tableId, databases: [item.change.database] });
        if ((await this.ended(fate.sagaId)) !== 'rejected') return;
      }
      if (attempt === INSISTS) return;
      await sleep(300);
      fate = fateOf(await client.ask('POST', path, body, `chaos-${this.options.seed}-${item.seq}-${attempt}`));
    }
  }

  private async ended(sagaId: string): Promise<string> {
    for (;;) {
      const {
        body: { saga },
      } = await this.world.client.ask('GET', `/sagas/${sagaId}`);
      const { status } = saga as { status: string };
      if (ENDED.includes(status) || status === 'stuck') return status;
      await sleep(150);
    }
  }

  /** A customer's own table, of the types that the program would give it. */
  private async makeByHand(
    { name, database, entries }: Extract<Change, { what: 'adopt' }>,
    table: number,
  ): Promise<void> {
    const place = this.world.place(database);
    const q = (one: string): string => quote(place.engine, one);
    const lines = entries.map(
      ({ body }) =>
        `${q(body.name)} ` +
        `${native(place.engine, made(body, 0))}${body.primary_key === true ? ' not null primary key' : ''}`,
    );
    await patiently(() => sql(place, `create table if not exists ${q(name)} (${lines.join(', ')})`));
    for (let i = 0; i < 3; i++) await this.rows.insert(table, place);
  }

  /** With nothing under way on the table. Null: there is nothing to change just now. */
  private async changeByHand({ table, change }: ChangeItem, { tableId }: { tableId: string }): Promise<Done | null> {
    if (change.what !== 'drift') return null;
    for (const id of this.waiting.get(table) ?? []) if ((await this.ended(id)) === 'stuck') return null;
    // Where it lives by now: a move that was accepted may have failed since.
    const shown = (await this.world.client.ask('GET', `/tables/${tableId}`)).body as { table: { databases: string[] } };
    const { databases } = shown.table;
    const name = databases[change.dice % databases.length];
    if (name === undefined) return null;
    const place = this.world.place(name);
    const found = (await patiently(() => readTables(place))).find(
      (t) => !isAside(t.name) && keyOf(t, table) !== undefined,
    );
    const q = (one: string): string => quote(place.engine, one);
    const plain = found?.columns.filter((c) => !c.primaryKey && !c.unique && c.nullable) ?? [];
    if (found === undefined || (change.hand === 'drop' && plain.length < 2)) return null;
    const column = change.hand === 'add' ? `d${change.uid}` : plain[change.dice % plain.length]!.name;
    const there = async (): Promise<boolean> =>
      (await readTables(place)).find((t) => t.name === found.name)?.columns.some((c) => c.name === column) ?? false;
    const ready = async (): Promise<boolean> => (await there()) === (change.hand === 'add');
    try {
      await patiently(async () => {
        if (await ready()) return;
        await sql(
          place,
          change.hand === 'add'
            ? `alter table ${q(found.name)} add column ${q(column)} ` +
                `${native(place.engine, made({ name: column, type: 'integer' }, 0))}`
            : `alter table ${q(found.name)} drop column ${q(column)}`,
        );
      }, 8);
    } catch {
      // A view or an index of somebody else's holds it.
      return (await patiently(ready)) ? { database: place.name, name: column } : null;
    }
    if (change.hand === 'drop') this.rows.forget(table, place.name, column);
    return { database: place.name, name: column };
  }

  /** A table of that name, made by somebody else: the program must leave it alone. */
  private async occupy(item: ChangeItem): Promise<void> {
    if (item.change.what !== 'create' || item.change.occupied === null) return;
    const { name, occupied } = item.change;
    const place = this.world.place(occupied.database);
    const table = quote(place.engine, name);
    const rows = [
      ['1', 'theirs'],
      ['2', 'also theirs'],
    ];
    const isOurs = async (): Promise<boolean> =>
      await sql(place, `select theirs from ${table}`).then(
        () => true,
        () => false,
      );
    const created = await patiently(async () => {
      try {
        await sql(place, `create table ${table} (theirs integer, words varchar(20))`);
        return true;
      } catch (error) {
        if (await isOurs()) return true; // the answer was lost
        if (/exist/i.test(String(error))) return false; // the program was first
        throw error;
      }
    });
    if (!created) return;
    await patiently(async () => {
      await sql(place, `delete from ${table}`);
      for (const [n, words] of rows) await sql(place, `insert into ${table} values (${n}, '${words}')`);
    });
    this.foreign.push({ database: place.name, name, table: item.table, late: occupied.late, rows });
  }

  /** A customer's application at work all the while. */
  private async write(): Promise<void> {
    while (!this.over) {
      await sleep(60);
      if (this.ids.size === 0) continue;
      const newest = [...this.ids].slice(-16);
      const [table, { databases }] = this.random.pick(newest);
      // A table that is gone from its last database is nobody's to write to.
      if (databases.length === 0) continue;
      const place = this.world.place(this.random.pick(databases));
      if (this.options.storm && this.random.chance(0.05)) await this.objects.put(table, place);
      else if (this.options.storm && this.random.chance(0.06)) await this.rows.erase(table, place);
      else if (this.random.chance(0.7)) await this.rows.insert(table, place);
      else await this.rows.update(table, place);
    }
  }
}

function requestOf(change: Change, tableId: string, done: Done): [string, object] {
  switch (change.what) {
    case 'adopt':
      return [`/databases/${change.database}/adopt`, { tables: [change.name] }];
    case 'databases':
      return [
        '/table/databases',
        {
          table_id: tableId,
          ...(change.add.length === 0 ? {} : { add: change.add }),
          ...(change.remove.length === 0 ? {} : { remove: change.remove }),
        },
      ];
    case 'revert':
      return ['/table/revert', { table_id: tableId, version: done.version }];
    case 'drift':
      return [`/databases/${done.database}/drift/resolve`, { table_id: tableId, as: change.as }];
    case 'create':
      return [
        '/table/create',
        { name: change.name, databases: change.databases, columns: change.entries.map((e) => e.body) },
      ];
    case 'columns':
      return [
        '/table/column',
        change.entries.length === 1
          ? { table_id: tableId, column: change.entries[0]!.body }
          : { table_id: tableId, columns: change.entries.map((e) => e.body) },
      ];
    case 'rename':
      return ['/table/rename', { table_id: tableId, name: change.name }];
    case 'drop':
      return ['/table/delete', { table_id: tableId }];
    case 'restore':
      return ['/table/restore', { table_id: tableId }];
  }
}

function fateOf({ status, body }: Answer): Fate {
  const { saga, table, tables, code } = body as {
    saga?: { saga_id: string };
    table?: { table_id: string };
    tables?: { table_id: string }[];
    code?: string;
  };
  return status === 202
    ? { fate: 'accepted', sagaId: saga!.saga_id, tableId: (table ?? tables![0])!.table_id }
    : { fate: 'refused', code: code ?? String(status) };
}
