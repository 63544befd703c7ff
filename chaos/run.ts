import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from './client.js';
import type { Fate, Foreign } from './model.js';
import type { Options } from './options.js';
import { plan, type Change, type ChangeItem } from './plan.js';
import { Random } from './random.js';
import { Rows } from './rows.js';
import { patiently, quote, sql } from './sql.js';
import type { World } from './world.js';

export interface Asked { item: ChangeItem; fate: Fate }

/** As many accepted changes of one table may be waiting before the next one is asked for. */
const MOST_WAITING = 4;
/** Requests at once. */
const MOST_AT_ONCE = 10;
const ENDED = ['completed', 'compensated', 'rejected'];

/** Carries the plan out: changes of one table one after another, different tables' side by side, faults between and beside them. */
export class Run {
  readonly asked: Asked[] = [];
  readonly foreign: Foreign[] = [];
  readonly rows: Rows;
  private readonly lanes = new Map<number, Promise<void>>();
  private readonly waiting = new Map<number, string[]>();
  private readonly ids = new Map<number, { tableId: string; databases: string[] }>();
  private open = 0;
  private over = false;
  private readonly random: Random;

  constructor(private readonly world: World, private readonly options: Options) {
    this.random = new Random(options.seed ^ 0xA5A5);
    this.rows = new Rows(this.random);
  }

  async go(): Promise<void> {
    const until = this.options.seconds === null ? Infinity : Date.now() + this.options.seconds * 1000;
    const writer = this.write();
    const progress = setInterval(() => { console.log(`${this.asked.length} asked, ${this.rows.written.length} rows, ${JSON.stringify(this.world.counts)}`); }, 30_000);
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
        this.lanes.set(item.table, (this.lanes.get(item.table) ?? Promise.resolve()).then(() => this.carryOut(item)).finally(() => { this.open -= 1; }));
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
    if (item.change.what !== 'create' && known === undefined) {
      this.asked.push({ item, fate: { fate: 'skipped' } });
      return;
    }
    for (const name of known?.databases ?? []) for (let i = 0; i < item.rows; i++) await this.rows.insert(item.table, this.world.place(name));
    const { occupied } = item.change.what === 'create' ? item.change : { occupied: null };
    if (occupied !== null && !occupied.late) await this.occupy(item);
    const [path, body] = requestOf(item.change, known?.tableId ?? '');
    const key = `chaos-${this.options.seed}-${item.seq}`;
    const answers = await Promise.all(Array.from({ length: item.twice ? 2 : 1 }, () => client.ask('POST', path, body, key)));
    if (occupied !== null && occupied.late) await this.occupy(item);
    const fate = fateOf(answers.find((a) => a.status === 202) ?? answers[0]!);
    if (answers.some((a) => JSON.stringify(fateOf(a)) !== JSON.stringify(fate))) client.failures.push(`one Idempotency-Key, two answers: ${path} ${JSON.stringify(body)}: ${JSON.stringify(answers)}`);
    this.asked.push({ item, fate });
    if (fate.fate !== 'accepted') return;
    if (item.change.what === 'create') this.ids.set(item.table, { tableId: fate.tableId, databases: item.change.databases });
    if (item.abortAfterMs !== null) {
      await sleep(item.abortAfterMs);
      await client.ask('POST', `/sagas/${fate.sagaId}/abort`, { reason: 'chaos' }); // a 409 when it has ended: as good
    }
    const waiting = [...this.waiting.get(item.table) ?? [], fate.sagaId];
    while (waiting.length > MOST_WAITING) {
      const { body: { saga } } = await client.ask('GET', `/sagas/${waiting[0]!}`);
      if (ENDED.includes((saga as { status: string }).status)) waiting.shift();
      else if ((saga as { status: string }).status === 'stuck') break;
      else await sleep(150);
    }
    this.waiting.set(item.table, waiting);
  }

  /** A table of that name, made by somebody else: the program must leave it alone. */
  private async occupy(item: ChangeItem): Promise<void> {
    if (item.change.what !== 'create' || item.change.occupied === null) return;
    const { name, occupied } = item.change;
    const place = this.world.place(occupied.database);
    const table = quote(place.engine, name);
    const rows = [['1', 'theirs'], ['2', 'also theirs']];
    const isOurs = async (): Promise<boolean> => (await sql(place, `select theirs from ${table}`).then(() => true, () => false));
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
      const place = this.world.place(this.random.pick(databases));
      if (this.random.chance(0.7)) await this.rows.insert(table, place);
      else await this.rows.update(table, place);
    }
  }
}

function requestOf(change: Change, tableId: string): [string, object] {
  switch (change.what) {
    case 'create': return ['/table/create', { name: change.name, databases: change.databases, columns: change.entries.map((e) => e.body) }];
    case 'columns': return ['/table/column', change.entries.length === 1 ? { table_id: tableId, column: change.entries[0]!.body } : { table_id: tableId, columns: change.entries.map((e) => e.body) }];
    case 'rename': return ['/table/rename', { table_id: tableId, name: change.name }];
    case 'drop': return ['/table/delete', { table_id: tableId }];
    case 'restore': return ['/table/restore', { table_id: tableId }];
  }
}

function fateOf({ status, body }: Answer): Fate {
  const { saga, table, code } = body as { saga?: { saga_id: string }; table?: { table_id: string }; code?: string };
  return status === 202 ? { fate: 'accepted', sagaId: saga!.saga_id, tableId: table!.table_id } : { fate: 'refused', code: code ?? String(status) };
}
