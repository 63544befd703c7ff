import { convertible, foldName, type Column, type Problem } from '#byodb';
import { applyOp, findColumn, isRetyping } from './columns.js';
import type { ColumnOp, ColumnSet, Retype } from './event-parts.js';
import { follow, type Dropped, type Marks } from './lineage.js';

/** What it is to be again. */
export interface Target {
  columns: Column[];
  lineage: Marks;
}

/**
 * The operations that lead from columns to those of `target`, and every conflict where that cannot be without loss.
 */
export class WayBack {
  private readonly ops: ColumnOp[] = [];
  private readonly conflicts: Problem[] = [];
  private lost = false;

  constructor(
    private columns: Column[],
    private marks: Marks,
    private readonly target: Target,
    private readonly dropped: Record<string, Dropped>,
    /** Sagas whose set-aside columns can still come back. */
    private readonly kept: Set<string>,
    /** Everything is named, not only what differs. */
    private readonly namesAll: boolean,
    /** By mark: changes of its type that are to be undone. */
    private readonly retypes: Record<string, Retype[]>,
  ) {}

  find(): { ops: ColumnOp[]; conflicts: Problem[]; lost: boolean } {
    const wanted = this.target.columns.map((column) => ({
      column,
      mark: this.target.lineage[foldName(column.name)]!,
    }));
    for (const column of [...this.columns])
      if (!wanted.some((w) => w.mark === this.markOf(column))) this.add({ op: 'drop', name: column.name });
    this.rename(wanted);
    // The last one that was dropped first: with it the key that it was part of is whole, as it was.
    const drops = Object.keys(this.dropped);
    const gone = wanted
      .filter(({ mark }) => this.byMark(mark) === undefined)
      .sort((a, b) => drops.indexOf(b.mark) - drops.indexOf(a.mark));
    for (const { column, mark } of gone) this.bringBack(column, mark);
    // Those that came back under the name that they were dropped by.
    if (this.conflicts.length === 0) this.rename(wanted);
    for (const { column, mark } of wanted) this.alter(this.byMark(mark), column);
    return { ops: this.ops, conflicts: this.conflicts, lost: this.lost };
  }

  /**
   * In an order in which every new name is free; of those that changed names in a ring one steps aside for a moment.
   */
  private rename(wanted: { column: Column; mark: string }[]): void {
    for (;;) {
      const open = wanted.flatMap(({ column, mark }) => {
        const now = this.byMark(mark);
        return now === undefined || now.name === column.name ? [] : [{ from: now.name, to: column.name }];
      });
      if (open.length === 0) return;
      const next = open.find(
        ({ from, to }) => foldName(from) === foldName(to) || findColumn(this.columns, to) === undefined,
      );
      const movable = open.find(({ to }) => open.some(({ from }) => foldName(from) === foldName(to)));
      if (next === undefined && movable === undefined) {
        this.conflicts.push(
          ...open.map(({ from, to }) => ({
            path: from,
            message: `cannot take its former name ${to}: another column has it`,
          })),
        );
        return;
      }
      const { from, to } = next ?? { from: movable!.from, to: this.freeName(movable!.to) };
      this.add({ op: 'rename', name: from, to, set: null });
    }
  }

  private bringBack(column: Column, mark: string): void {
    const found = this.dropped[mark];
    if (found === undefined || !this.kept.has(found.saga_id)) {
      this.lost = true;
      this.conflicts.push({ path: column.name, message: 'was dropped, and its values are not kept any more' });
    } else if (findColumn(this.columns, found.column.name) !== undefined) {
      this.conflicts.push({
        path: column.name,
        message: `was dropped as ${found.column.name}, and another column has that name`,
      });
    } else {
      const after =
        found.before
          .map((m) => this.byMark(m)?.name)
          .filter((name) => name !== undefined)
          .at(-1) ?? null;
      const key = found.key.map((m) => (m === mark ? found.column.name : this.byMark(m)?.name));
      const others = key.filter((name) => name !== undefined);
      if (others.length < key.length)
        this.conflicts.push({
          path: column.name,
          message: 'was part of a primary key whose other columns are not there any more',
        });
      else
        this.add({
          op: 'bring_back',
          column: found.column,
          saga_id: found.saga_id,
          after,
          mark,
          ...(others.length > 1 ? { key: others } : {}),
        });
    }
  }

  private freeName(name: string): string {
    for (let i = 1; ; i += 1) {
      const free = `${name.slice(0, 40)}_${i}`;
      if (findColumn(this.columns, free) === undefined && findColumn(this.target.columns, free) === undefined)
        return free;
    }
  }

  private alter(now: Column | undefined, then: Column): void {
    if (now === undefined) return;
    // Behind a change that may not succeed everything is named: what is so ahead may not be so when the turn comes.
    if (JSON.stringify(now) === JSON.stringify(then) && (!this.namesAll || now.native !== undefined)) return;
    if (now.native !== undefined || then.native !== undefined) {
      this.conflicts.push({
        path: then.name,
        message: "has a type or default of the engine's own, which is not changed through here",
      });
      return;
    }
    const set: ColumnSet = {};
    for (const key of ['type', 'length', 'precision', 'scale', 'nullable', 'default', 'unique'] as const)
      if (this.namesAll || JSON.stringify(now[key]) !== JSON.stringify(then[key]))
        Object.assign(set, { [key]: then[key] });
    if (now.primary_key !== then.primary_key || now.generated !== then.generated)
      this.conflicts.push({ path: then.name, message: 'is in the primary key in one of the two only' });
    else if (!convertible(now.type, then.type))
      this.conflicts.push({ path: then.name, message: `${now.type} cannot become ${then.type} again` });
    else if (Object.keys(set).length > 0) this.add({ op: 'alter', name: now.name, set, ...this.undoes(now, set) });
  }

  private undoes(now: Column, set: ColumnSet): { undoes?: Retype[] } {
    const retypes = this.retypes[this.markOf(now) ?? ''];
    return isRetyping(set) && retypes !== undefined ? { undoes: retypes } : {};
  }

  private add(op: ColumnOp): void {
    this.ops.push(op);
    this.columns = applyOp(this.columns, op);
    this.marks = follow(this.marks, op, 0);
  }

  private markOf(column: Column): string | undefined {
    return this.marks[foldName(column.name)];
  }
  private byMark(mark: string): Column | undefined {
    return this.columns.find((c) => this.markOf(c) === mark);
  }
}
