import { isAside, readTables } from './live.js';
import { keyOf } from './rows.js';
import type { Touch } from './compare.js';
import type { Random } from './random.js';
import { quote, sql, type Place } from './sql.js';

/** A row of a table that refers to a managed one, with ON DELETE CASCADE: it goes with its row alone. */
export interface ChildRow {
  table: number;
  database: string;
  child: string;
  id: number;
  key: number;
}

/**
 * What customers put around managed tables: best effort, and taken away again now and then, since a view stands in the
 * way of much.
 */
export class Objects {
  readonly children: ChildRow[] = [];
  /** Twice for each object: before it was made and after. */
  readonly touches: Touch[] = [];
  private next = 1;

  /** `isErased`: an application deleted that row, or may have. */
  constructor(
    private readonly random: Random,
    private readonly isErased: (table: number, database: string, key: number) => boolean,
  ) {}

  async put(table: number, place: Place): Promise<void> {
    this.touch(table, place);
    await this.make(table, place);
    this.touch(table, place);
  }

  private touch(table: number, { name }: Place): void {
    this.touches.push({ table, database: name, at: Date.now() });
  }

  private async make(table: number, place: Place): Promise<void> {
    const { random } = this;
    const found = (await readTables(place).catch(() => [])).find(
      (t) => !isAside(t.name) && keyOf(t, table) !== undefined,
    );
    if (found === undefined) return;
    const n = this.next++;
    const q = (name: string): string => quote(place.engine, name);
    const [at, key] = [q(found.name), q(keyOf(found, table)!)];
    const column = q(random.pick(found.columns).name);
    const name = q(`obj_${n}`);
    switch (random.weighted({ index: 4, view: 2, trigger: 3, check: 2, child: 3 })) {
      case 'index':
        return this.run(
          place,
          `create index ${name} on ${at} ` +
            `(${found.columns.some((c) => /text|json|longtext/.test(c.native)) ? key : column})`,
        );
      case 'view':
        await this.run(place, `create view ${name} as select ${key} as one from ${at}`);
        // Seen for a while.
        setTimeout(
          () => {
            void this.run(place, `drop view ${name}`);
          },
          random.between(100, 1500),
        ).unref();
        return;
      case 'trigger':
        return this.trigger(place, n, at, key);
      case 'check':
        return place.engine === 'sqlite'
          ? undefined
          : this.run(place, `alter table ${at} add constraint ${name} check (${key} > -5)`);
      case 'child':
        return this.child(table, place, n, found.name, keyOf(found, table)!);
    }
  }

  private async trigger(place: Place, n: number, at: string, key: string): Promise<void> {
    const [log, name] = [quote(place.engine, `obj_log_${n}`), quote(place.engine, `obj_${n}`)];
    await this.run(place, `create table ${log} (n bigint)`);
    const body = `insert into ${log} values (1)`;
    if (place.engine === 'mysql')
      return this.run(place, `create trigger ${name} after insert on ${at} for each row ${body}`);
    if (place.engine === 'sqlite')
      return this.run(place, `create trigger ${name} after insert on ${at} when new.${key} > 0 begin ${body}; end`);
    await this.run(
      place,
      `create function ${name}() returns trigger language plpgsql as $$ begin ${body}; return null; end $$`,
    );
    await this.run(place, `create trigger ${name} after insert on ${at} for each row execute function ${name}()`);
  }

  /** Refers to rows that are there; a table that is referred to cannot be dropped, so that it is taken away again. */
  private async child(table: number, place: Place, n: number, to: string, key: string): Promise<void> {
    const q = (name: string): string => quote(place.engine, name);
    const child = `obj_child_${n}`;
    const type = await this.typeOf(place, to, key);
    await this.run(
      place,
      `create table ${q(child)} (id int primary key, k ${type}, constraint ${q(`obj_fk_${n}`)} foreign key ` +
        `(k) references ${q(to)} (${q(key)}) on delete cascade)`,
    );
    const rows = await sql<{ k: number }>(place, `select ${q(key)} as k from ${q(to)} limit 3`).catch(() => []);
    for (const [id, { k }] of rows.entries()) {
      const done = await sql(place, `insert into ${q(child)} values (${id}, ${k})`).then(
        () => true,
        () => false,
      );
      if (done) this.children.push({ table, database: place.name, child, id, key: Number(k) });
    }
    setTimeout(
      () => {
        void this.look(place, child);
      },
      this.random.between(1000, 4000),
    ).unref();
  }

  /** Those of it that were lost while they should have stood. */
  readonly lost: string[] = [];

  private async look(place: Place, child: string): Promise<void> {
    const there = await sql<{ id: number }>(place, `select id from ${quote(place.engine, child)}`).catch(() => null);
    if (there === null) return;
    const wanted = this.children.filter((c) => c.child === child && c.database === place.name);
    for (const { id, key, table } of wanted)
      if (!this.isErased(table, place.name, key) && !there.some((row) => Number(row.id) === id))
        this.lost.push(`${place.name}: row ${id} of ${child}, which refers to row ${key} of table ${table}, is gone`);
    await this.run(place, `drop table ${quote(place.engine, child)}`);
  }

  private async typeOf(place: Place, table: string, key: string): Promise<string> {
    return (
      (await readTables(place).catch(() => [])).find((t) => t.name === table)?.columns.find((c) => c.name === key)
        ?.native ?? 'bigint'
    );
  }

  private async run(place: Place, text: string): Promise<void> {
    await sql(place, text).catch(() => undefined); // renamed, locked, or its server is down
  }
}
