import { changed, fold, made, type Column, type ColumnBody } from './columns.js';
import { ADOPTED, BECOMES, literal, otherCase, sized, TYPES, WORDS } from './made-up.js';
import type { Change, ChangeItem, Entry, PlanOptions } from './plan-items.js';
import { Random } from './random.js';

/** The table as it will be if all goes well: enough to ask for things that make sense most of the time. */
export interface Forecast {
  table: number;
  name: string;
  databases: string[];
  columns: Column[];
  asked: number;
  dropped: boolean;
  doomed: boolean;
  gone: string[];
}
export const MOST_TABLES = 14;
export const LONGEST_LIFE = 22;

export class ChangeMaker {
  private readonly random: Random;
  private readonly tables: Forecast[] = [];
  private uid = 0;

  constructor(private readonly options: PlanOptions) {
    this.random = new Random(options.seed);
  }

  anyTable(random: Random): number {
    return random.pick(this.tables).table;
  }

  change(seq: number): ChangeItem {
    const { random } = this;
    const item = {
      item: 'change' as const,
      seq,
      rows: random.chance(0.6) ? random.between(1, 3) : 0,
      abortAfterMs: random.chance(0.07) ? random.between(0, 120) : null,
      twice: random.chance(0.1),
      poisoned: false,
      pauseMs: random.chance(0.3) ? random.between(50, 400) : random.between(0, 40),
    };
    const alive = this.tables.filter((t) => !t.dropped && t.asked < (t.doomed ? 3 : LONGEST_LIFE));
    const lost = this.options.restore ? this.tables.filter((t) => t.dropped && t.asked < LONGEST_LIFE) : [];
    if (lost.length > 0 && random.chance(0.08))
      return {
        ...item,
        table: this.restore(random.pick(lost), item.abortAfterMs !== null),
        change: { what: 'restore' },
      };
    if (this.options.storm === true && alive.length < MOST_TABLES && random.chance(0.04))
      return { ...item, ...this.adoption(), abortAfterMs: null, twice: false, rows: 0 };
    if (alive.length < 4 || (alive.length < MOST_TABLES && random.chance(0.15)))
      return { ...item, ...this.create(item.abortAfterMs !== null, alive), rows: 0 };
    const table = random.pick(alive.slice(-MOST_TABLES));
    table.asked += 1;
    if (this.options.storm === true) {
      const what = random.weighted({ none: 66, databases: 12, revert: 14, drift: 8 });
      if (what === 'databases')
        return { ...item, table: table.table, change: this.move(table, item.abortAfterMs !== null) };
      if (what === 'revert') return { ...item, table: table.table, change: { what, part: random.next() } };
      if (what === 'drift')
        return { ...item, table: table.table, change: this.drift(), abortAfterMs: null, twice: false };
    }
    const what = random.weighted({ columns: 86, rename: 8, drop: 6 });
    if (what === 'columns') return { ...item, table: table.table, ...this.columns(table, item.abortAfterMs !== null) };
    if (what === 'rename')
      return { ...item, table: table.table, change: this.rename(table, alive, item.abortAfterMs !== null) };
    if (item.abortAfterMs === null) table.dropped = true;
    return { ...item, table: table.table, change: { what } };
  }

  private create(aborted: boolean, alive: Forecast[]): { table: number; change: Change } {
    const { random } = this;
    const databases = random
      .some(this.options.databases, Number(random.weighted({ '1': 2, '2': 3, '3': 5 })))
      .map((d) => d.name);
    const table = this.tables.length;
    const collides = alive.length > 0 && random.chance(0.05);
    // The key's name is this table's alone: a row can then never be written to another table of the same name.
    const key: Entry = {
      uid: this.uid++,
      body: {
        name: `k${table}`,
        type: random.pick(['integer', 'bigint'] as const),
        primary_key: true,
        ...(random.chance(0.3) ? { generated: true } : {}),
      },
    };
    const entries = [key];
    for (let n = random.between(1, 5); n > 0; n--)
      entries.push(
        this.newColumn(
          entries.map((e) => e.body.name),
          [],
        ),
      );
    const occupied = random.chance(0.08) ? { database: random.pick(databases), late: random.chance(0.4) } : null;
    const freed = this.tables.filter((t) => t.dropped).map((t) => t.name);
    const name = collides
      ? random.pick(alive).name
      : occupied === null && freed.length > 0 && random.chance(0.3)
        ? random.pick(freed)
        : random.chance(0.1)
          ? `${random.pick(WORDS)}_${table}`
          : `t${table}`;
    this.tables.push({
      table,
      name,
      databases,
      columns: entries.map((e) => made(e.body, e.uid)),
      asked: 0,
      dropped: false,
      doomed: aborted || collides || occupied !== null,
      gone: [],
    });
    return { table, change: { what: 'create', name, databases, entries, occupied } };
  }

  private adoption(): { table: number; change: Change } {
    const { random } = this;
    const table = this.tables.length;
    const { name: database } = random.pick(this.options.databases);
    const entries: Entry[] = [{ uid: this.uid++, body: { name: `k${table}`, type: 'bigint', primary_key: true } }];
    for (let n = random.between(1, 4); n > 0; n--) {
      const type = random.pick(ADOPTED);
      entries.push({ uid: this.uid, body: { name: `c${this.uid++}`, type, ...sized(random, type) } });
    }
    this.tables.push({
      table,
      name: `t${table}`,
      databases: [database],
      columns: entries.map((e) => made(e.body, e.uid)),
      asked: 0,
      dropped: false,
      doomed: false,
      gone: [],
    });
    return { table, change: { what: 'adopt', name: `t${table}`, database, entries } };
  }

  private move(table: Forecast, aborted: boolean): Change {
    const { random } = this;
    const there = table.databases;
    const elsewhere = this.options.databases.map((d) => d.name).filter((name) => !there.includes(name));
    const remove = there.length > 1 && (elsewhere.length === 0 || random.chance(0.6)) ? [random.pick(there)] : [];
    const add = elsewhere.length > 0 && (remove.length === 0 || random.chance(0.3)) ? [random.pick(elsewhere)] : [];
    if (!aborted) table.databases = [...there.filter((name) => !remove.includes(name)), ...add];
    return { what: 'databases', add, remove };
  }

  private drift(): Change {
    const { random } = this;
    const hand = random.weighted({ add: 3, drop: 1 });
    return {
      what: 'drift',
      hand,
      as: hand === 'drop' ? 'restore' : random.pick(['adopt', 'restore', 'ignore'] as const),
      dice: random.between(0, 1000),
      uid: this.uid++,
    };
  }

  private rename(table: Forecast, alive: Forecast[], aborted: boolean): Change {
    const { random } = this;
    if (random.chance(0.15)) return { what: 'rename', name: random.pick(alive).name };
    const name = random.chance(0.15) ? otherCase(table.name) : `t${table.table}_${random.between(1, 99)}`;
    if (!aborted) table.name = name;
    return { what: 'rename', name };
  }

  private restore(table: Forecast, aborted: boolean): number {
    table.asked += 1;
    if (!aborted) table.dropped = false;
    return table.table;
  }

  private columns(table: Forecast, aborted: boolean): { change: Change; poisoned: boolean } {
    const { random } = this;
    const onPostgres = table.databases.some(
      (name) => this.options.databases.find((d) => d.name === name)?.engine === 'postgres',
    );
    const poisoned = onPostgres && random.chance(0.09);
    const entries: Entry[] = [];
    let columns = table.columns;
    const touched = new Set<number>();
    for (let n = random.chance(0.3) || poisoned ? random.between(2, 4) : 1; n > 0; n--) {
      const entry = this.entry(table, columns, touched);
      const next = changed(columns, entry.body, entry.uid);
      if (next === null || entries.some((e) => fold(e.body.name) === fold(entry.body.name))) continue;
      entries.push(entry);
      columns = next;
    }
    if (poisoned)
      entries.splice(random.between(0, entries.length), 0, {
        uid: this.uid++,
        body: { name: `poison${this.uid}`, type: 'integer' },
      });
    if (entries.length === 0)
      entries.push(
        this.newColumn(
          table.columns.map((c) => c.name),
          [],
        ),
      );
    if (!poisoned && !aborted) table.columns = columns;
    return { change: { what: 'columns', entries }, poisoned };
  }

  private entry(table: Forecast, columns: Column[], touched: Set<number>): Entry {
    const { random } = this;
    const free = columns.filter((c) => !touched.has(c.uid) && !c.primaryKey);
    const what =
      free.length === 0
        ? 'add'
        : random.weighted({ add: 30, alter: 34, rename: 18, drop: columns.length > 3 ? 14 : 2 });
    if (what === 'add') {
      const entry = this.newColumn(
        columns.map((c) => c.name),
        table.gone,
      );
      touched.add(entry.uid);
      return entry;
    }
    const column =
      what === 'rename' && random.chance(0.1)
        ? (columns.find((c) => c.primaryKey) ?? random.pick(free))
        : random.pick(free);
    touched.add(column.uid);
    if (what === 'drop') {
      table.gone.push(column.name);
      return { uid: column.uid, body: { name: column.name } };
    }
    if (what === 'alter') return { uid: column.uid, body: { name: column.name, ...this.alteration(column) } };
    const to = column.primaryKey
      ? `k${table.table}_${random.between(1, 99)}`
      : random.chance(0.1)
        ? otherCase(column.name)
        : `c${column.uid}_${random.between(1, 99)}`;
    return {
      uid: column.uid,
      body: {
        name: column.name,
        rename_to: to,
        ...(!column.primaryKey && random.chance(0.2) ? this.alteration(column) : {}),
      },
    };
  }

  private newColumn(taken: string[], gone: string[]): Entry {
    const { random } = this;
    const uid = this.uid++;
    const type = random.weighted(TYPES);
    const words = [...WORDS, ...gone].filter((w) => !taken.some((t) => fold(t) === fold(w)));
    const name = words.length > 0 && random.chance(0.12) ? random.pick(words) : `c${uid}`;
    const unique = ['integer', 'bigint', 'string', 'uuid'].includes(type) && random.chance(0.12);
    const value = !unique && random.chance(0.35) ? literal(random, type) : null;
    const nullable = value === null ? !random.chance(0.12) : !random.chance(0.4);
    return {
      uid,
      body: {
        name,
        type,
        ...sized(random, type),
        ...(unique ? { unique } : {}),
        ...(nullable ? {} : { nullable }),
        ...(value === null ? {} : { default: value }),
      },
    };
  }

  private alteration(column: Column): Omit<ColumnBody, 'name'> {
    const { random } = this;
    const what = random.weighted({
      type: 45,
      nullable: 20,
      default: 18,
      length: column.type === 'string' ? 12 : 0,
      unique: ['integer', 'bigint', 'string', 'uuid'].includes(column.type) ? 8 : 0,
    });
    if (what === 'type') {
      const type = random.pick(BECOMES[column.type]);
      return {
        type,
        ...sized(random, type),
        ...(column.default === null ? {} : { default: random.chance(0.5) ? literal(random, type) : null }),
      };
    }
    if (what === 'nullable') return { nullable: !column.nullable };
    if (what === 'default')
      return { default: column.default !== null && random.chance(0.5) ? null : literal(random, column.type) };
    if (what === 'length') return { length: random.between(12, 300) };
    return { unique: !column.unique };
  }
}
