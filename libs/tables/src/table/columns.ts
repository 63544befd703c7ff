import {
  convertible,
  findNamed,
  fitDefault,
  foldName,
  withColumnBack,
  MAX_COLUMNS,
  withoutColumn,
  type Column,
} from '#byodb';
import type { ColumnOp, ColumnSet } from './event-parts.js';

export function findColumn(columns: Column[], name: string): Column | undefined {
  return findNamed(columns, name);
}

/** Lenient, for foreseeing: an op that no longer fits changes nothing here and is refused when its turn comes. */
export function applyOp(columns: Column[], op: ColumnOp): Column[] {
  switch (op.op) {
    case 'add':
      return findColumn(columns, op.column.name) === undefined ? [...columns, op.column] : columns;
    case 'bring_back':
      return findColumn(columns, op.column.name) === undefined
        ? withColumnBack(columns, op.column, op.after, op.key)
        : columns;
    case 'take':
      return columns.map((c) => (foldName(c.name) === foldName(op.column.name) ? op.column : c));
    case 'drop':
      return findColumn(columns, op.name) === undefined ? columns : withoutColumn(columns, op.name);
    case 'alter':
    case 'rename':
      return altered(columns, op);
  }
}

/** One column after an operation that does not take it away. */
export function columnAfter(column: Column, op: ColumnOp): Column {
  const [after = column] = applyOp([column], op);
  return after;
}

function altered(columns: Column[], op: Extract<ColumnOp, { op: 'alter' | 'rename' }>): Column[] {
  const column = findColumn(columns, op.name);
  if (column === undefined) return columns;
  const name = op.op === 'rename' ? op.to : column.name;
  const next = inOwnSpelling(withOwnSizes({ ...column, ...op.set, name }, column));
  return columns.map((c) => (c === column ? next : c));
}

/**
 * Sizes that were meant for another column change nothing: a database may differ by somebody's word, so that its column
 * has another type, or a precision below the scale that was asked for. `former`: the column before.
 */
function withOwnSizes(column: Column, former: Column): Column {
  const { type, length, precision, scale } = column;
  if (type === 'native') return column;
  if (type === 'decimal' && precision !== null && scale !== null && scale > precision)
    return { ...column, precision: former.precision, scale: former.scale };
  return {
    ...column,
    length: type === 'string' ? length : null,
    precision: type === 'decimal' ? precision : null,
    scale: type === 'decimal' ? scale : null,
  };
}

/**
 * The default in the spelling of the column's type: it was resolved against what pending changes would make of the
 * column, and one of them may not have come true. One that does not fit stays, to be refused in its turn.
 */
function inOwnSpelling(column: Column): Column {
  if (column.type === 'native' || column.default === null) return column;
  const { default: value } = column;
  const small = column.type === 'integer' || column.type === 'smallint';
  const fitted = fitDefault(
    column,
    small && typeof value === 'string' && /^-?\d{1,10}$/.test(value) ? Number(value) : value,
  );
  return 'problem' in fitted ? column : { ...column, default: fitted.value };
}

/** The column that an operation is about, by the name that it has before. */
export function nameIn(op: ColumnOp): string {
  return op.op === 'add' || op.op === 'bring_back' || op.op === 'take' ? op.column.name : op.name;
}

/**
 * Why operations decided earlier no longer make sense of the table as it is by now; null: they do.
 * `isKept`: whether what a saga set aside is still there.
 */
export function misfitOf(before: Column[], ops: ColumnOp[], isKept: (sagaId: string) => boolean): string | null {
  let columns = before;
  for (const op of ops) {
    const misfit = misfitOfOne(columns, op, isKept);
    if (misfit !== null) return misfit;
    columns = applyOp(columns, op);
    const unfit = unfitDefault(columns, op);
    if (unfit !== null) return unfit;
  }
  return null;
}

function misfitOfOne(columns: Column[], op: ColumnOp, isKept: (sagaId: string) => boolean): string | null {
  const name = nameIn(op);
  const found = findColumn(columns, name);
  if (op.op === 'bring_back' && !isKept(op.saga_id)) return `column ${name} is not kept any more`;
  if (op.op === 'add' || op.op === 'bring_back') return found === undefined ? null : `there is a column ${name} by now`;
  if (found === undefined) return `there is no column ${name} any more`;
  if (op.op === 'rename') {
    const taken = findColumn(columns, op.to);
    if (taken !== undefined && taken !== found) return `there is a column ${op.to} by now`;
  }
  const set = op.op === 'alter' || op.op === 'rename' ? op.set : null;
  return set === null ? null : misfitOfSet(found, set);
}

function misfitOfSet(found: Column, set: ColumnSet): string | null {
  const { name } = found;
  const { type, precision, scale } = { ...found, ...set };
  if (set.type !== undefined && !convertible(found.type, type)) return `${found.type} cannot become ${type}`;
  if (set.length != null && type !== 'string') return notOf('length', name, type);
  if (set.precision != null && type !== 'decimal') return notOf('precision', name, type);
  if (set.scale != null && type !== 'decimal') return notOf('scale', name, type);
  if (type === 'decimal' && precision !== null && scale !== null && scale > precision)
    return `the scale of ${name}, ${scale}, exceeds its precision, ${precision}`;
  return null;
}

function notOf(field: string, column: string, type: string): string {
  return `${field} does not belong to ${type}, which is the type of ${column}`;
}

/** Whether an alteration is one of the type or of its size. */
export function isRetyping(set: ColumnSet | null | undefined): boolean {
  return [set?.type, set?.length, set?.precision, set?.scale].some((field) => field !== undefined);
}

function unfitDefault(columns: Column[], op: ColumnOp): string | null {
  if (op.op !== 'alter' && op.op !== 'rename') return null;
  const after = findColumn(columns, op.op === 'rename' ? op.to : op.name);
  if (after === undefined || after.type === 'native' || after.default === null) return null;
  const fitted = fitDefault(after, after.default);
  return 'problem' in fitted ? `the default of ${after.name} does not fit any more: ${fitted.problem}` : null;
}

/** Why no table can have these columns; null: one can. Changes ahead may have failed that made room, or left some. */
export function misfitOfCount(columns: Column[]): string | null {
  if (columns.length === 0) return 'no column would be left of the table';
  return columns.length > MAX_COLUMNS ? `there would be more than ${MAX_COLUMNS} columns` : null;
}

/** Whether two lists of columns are the same to the letter, in order. */
export function sameColumns(some: Column[], others: Column[]): boolean {
  return JSON.stringify(some) === JSON.stringify(others);
}

/** An operation as a part of a sentence. */
export function sayOp(op: ColumnOp): string {
  switch (op.op) {
    case 'add':
      return `add column ${op.column.name} (${op.column.type})`;
    case 'take':
      return `make column ${op.column.name} what was found or recorded`;
    case 'bring_back':
      return `bring back column ${op.column.name}`;
    case 'drop':
      return `drop column ${op.name}`;
    case 'alter':
      return `alter column ${op.name} (${Object.keys(op.set).join(', ') || 'nothing'})`;
    case 'rename':
      return `rename column ${op.name} to ${op.to}`;
  }
}
