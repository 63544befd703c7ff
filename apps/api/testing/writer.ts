import { setTimeout as sleep } from 'node:timers/promises';
import type { Customer } from './customer.js';
import type { Names } from './odd/odd.js';
import type { Scenario } from './odd/scenario.js';
import { columnsOf, rowOf } from './odd/script.js';
import { insert } from './place.js';

/** From here on rows are those of who writes while a change runs; below stand those that are compared. */
export const BUSY_ID = 1000;
const FIRST_PROBE = 100;

/** One statement of an application, after a change and before the way back. */
export interface Probe {
  do:
    | 'insert'
    | 'insert positional'
    | 'update'
    | 'delete'
    | 'delete parent'
    | 'move parent'
    | 'insert parent'
    | 'insert child'
    | 'delete child'
    | 'child to nothing';
  i: number;
}

/** Columns of the managed table as an application knows them: `gone` are away, `renamed` have another name. */
export interface Shape {
  table: string | null;
  gone: readonly string[];
  renamed: ReadonlyMap<string, string>;
}

/** Statements that mean the same whether or not a change has been made, one after another, until told to stop. */
export class BusyWriter {
  readonly errors: string[] = [];
  statements = 0;
  private over = false;
  private readonly done: Promise<void>;

  constructor(
    private readonly customer: Customer,
    private readonly scenario: Scenario,
    private readonly n: Names,
    private readonly shape: Shape,
    private readonly from: number,
  ) {
    this.done = this.go();
  }

  async stop(): Promise<void> {
    this.over = true;
    await this.done;
  }

  private async go(): Promise<void> {
    const { n, shape } = this;
    for (let k = 0; !this.over; k++) {
      const id = BUSY_ID + this.from + k;
      await this.run(`insert into ${n.p} (id, name) values (${id}, 'busy')`);
      await this.run(`insert into ${n.ch} (id, t_id) values (${id}, null)`);
      if (shape.table !== null) {
        const row = Object.entries(rowOf(this.scenario, id, k % 2 === 0 ? id : null)).filter(
          ([c]) => !shape.gone.includes(c) && !(c === 'c'),
        );
        await this.run(insert(shape.table, Object.fromEntries(row)));
        if (!shape.gone.includes('w')) await this.run(`update ${shape.table} set w = 'busy' where id = ${id}`);
        if (k % 3 === 0) await this.run(`delete from ${shape.table} where id = ${id}`);
      }
      if (k % 3 === 0) await this.run(`update ${n.p} set name = 'busier' where id = ${id}`);
      await sleep(2);
    }
  }

  private async run(sql: string): Promise<void> {
    this.statements++;
    await this.customer.run(sql).catch((error: unknown) => {
      this.errors.push(`${sql}: ${String(error)}`);
    });
  }
}

/** The statement in the words of an application that knows the table so. Null: it has none to say. */
export function statementOf({ do: what, i }: Probe, scenario: Scenario, n: Names, shape: Shape): string | null {
  const k = 1 + (i % 4);
  const { table } = shape;
  const name = (c: string): string => shape.renamed.get(c) ?? c;
  const there = (c: string): boolean => !shape.gone.includes(c);
  const row = (id: number): [string, string][] =>
    Object.entries(rowOf(scenario, id, i % 2 === 0 ? k : null)).filter(([c]) => there(c));
  // Without its key nobody could take such a row out again where it does not fit what comes back.
  const ofTable = what === 'insert' || what === 'insert positional' || what === 'update' || what === 'delete';
  if (ofTable && (table === null || !there('id'))) return null;
  switch (what) {
    case 'insert parent':
      return `insert into ${n.p} (id, name) values (${FIRST_PROBE + 200 + i}, 'new')`;
    case 'delete parent':
      return `delete from ${n.p} where id = ${k}`;
    case 'move parent':
      return `update ${n.p} set id = id + ${FIRST_PROBE} where id = ${k}`;
    case 'insert child':
      return `insert into ${n.ch} (id, t_id) values (${FIRST_PROBE + i}, ${table === null ? 'null' : k})`;
    case 'child to nothing':
      return `insert into ${n.ch} (id, t_id) values (${FIRST_PROBE + 50 + i}, 99)`;
    case 'delete child':
      return `delete from ${n.ch} where id = ${k}`;
    case 'insert':
      return insert(
        table!,
        Object.fromEntries(
          row(FIRST_PROBE + i)
            .filter(([c], at) => c === 'id' || c === 'a' || c === 'x' || (at + i) % 3 > 0)
            .map(([c, value]) => [name(c), value]),
        ),
      );
    case 'insert positional': {
      const values = new Map(row(FIRST_PROBE + 200 + i));
      const hidden = (c: string): boolean =>
        (c === 'g' && scenario.engine === 'sqlite') || (c === 'x' && scenario.own?.what === 'invisible');
      return `insert into ${table!} values (${columnsOf(scenario)
        .filter((c) => there(c) && !hidden(c))
        .map((c) => (c === 'g' ? 'default' : values.get(c)!))
        .join(', ')})`;
    }
    case 'update': {
      const set = [
        ['a', String(50 + i)],
        ['b', `'u${i}'`],
        ['w', `'u${i}'`],
      ].filter(([c]) => there(c!) && !(c === 'a' && scenario.key === 'id, a'));
      return set.length > 0
        ? `update ${table!} set ${set.map(([c, value]) => `${name(c!)} = ${value}`).join(', ')} where ` +
            `${name('id')} = ${k + 1}`
        : null;
    }
    case 'delete':
      return `delete from ${table!} where ${name('id')} = ${k + 1}`;
  }
}
