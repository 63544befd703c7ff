import { DatabaseError } from '../../../errors.js';
import { foldName, isAside, type Extra, type LiveColumn, type LiveTable } from '../../../live.js';
import { objectName, quoteAll, whole } from '../sql.js';

export type ItemKind = 'primary key' | 'unique' | 'exclude' | 'check' | 'foreign key' | 'index';

/** A constraint, or an index without one. */
export interface Item {
  kind: ItemKind;
  name: string;
  /** Key columns, in order. */
  columns: string[];
  /** Every column that it hangs on: expressions, predicates and INCLUDE too. */
  mentions: string[];
  /** What follows the name: `CHECK (…)`, or of an index what follows the table (`USING btree (…)`). */
  definition: string;
  /** Of a key without INCLUDE: what stands before and after the columns, so that it can be told of renamed ones too. */
  frame: [before: string, after: string] | null;
  unique: boolean;
  valid: boolean;
  /** Over an expression or with a predicate. */
  expression: boolean;
  /** A row can break it by a NULL in one of its columns. */
  bitesNull: boolean;
  comment: string | null;
  clustered: boolean;
  replicaIdentity: boolean;
  /** Storage parameters and tablespace of a constraint's index, which its definition does not print. */
  options: string[];
  tablespace: string | null;
  /** Of a check. */
  condition?: string;
  /** Of a foreign key that can be told again under other names. */
  refers?: Reference;
}

/**
 * What a foreign key refers to, by name and by number: both tables and columns may be renamed. `rules` is what follows
 * it.
 */
export interface Reference {
  oid: number;
  /** Null: the schema that we work in. */
  schema: string | null;
  table: string;
  columns: string[];
  numbers: number[];
  /** To its own table. */
  self: boolean;
  match: string;
  onUpdate: string;
  onDelete: string;
  /** Of ON DELETE SET NULL or SET DEFAULT: those alone. */
  onDeleteColumns: string[];
  deferrable: boolean;
  deferred: boolean;
  valid: boolean;
}

export interface Sequence {
  name: string;
  column: string;
  identity: boolean;
}

/** `definition`: what stands between its name and the table. */
export interface Statistics {
  name: string;
  mentions: string[];
  definition?: string;
}

/** `enabled` as in pg_trigger. */
export interface Trigger {
  name: string;
  enabled: string;
  onUpdate: boolean;
}

/**
 * LiveTable.source: what rendering needs beside the contract. In the order of names, so that names set aside can be
 * told from it.
 */
export interface Source {
  table: string;
  items: Item[];
  sequences: Sequence[];
  statistics: Statistics[];
  triggers: Trigger[];
  /** The columns' numbers (attnum), by name: they outlive renames. Missing in what earlier versions read. */
  numbers?: Record<string, number>;
  /** How many columns the table has ever had. Missing in what earlier versions read. */
  width?: number;
  /** Of a partitioned table: its key's columns; null for an expression. */
  partitionKey?: (string | null)[];
  /** Tables that inherit from it, partitions included. */
  children?: string[];
}

/** LiveColumn.definition, as JSON; only what is not as usual is there. */
export interface Definition {
  default?: string;
  collation?: string;
  identity?: 'always' | 'by default';
  sequence?: Record<string, unknown>;
  expression?: string;
  comment?: string;
  acl?: string[];
  statistics?: number;
  storage?: string;
  compression?: string;
  options?: string[];
  inherited?: true;
  /** Its type is a domain that may refuse NULL, check values, or fill them in; `base` is what it stands for. */
  domain?: { base: string; notNull: boolean };
}

export function definitionOf(column: LiveColumn): Definition {
  const definition = JSON.parse(column.definition) as Definition;
  for (const text of [definition.default, definition.expression, definition.collation, definition.domain?.base])
    if (text !== undefined) whole(text);
  return definition;
}

/** Numbered by a sequence that hangs on the column, not as identity: what `serial` makes. */
export function isSerial(column: LiveColumn): boolean {
  return column.generated && definitionOf(column).identity === undefined;
}

/** A table predicted by others than us has no source: keys are then taken from the contract's part. */
export function sourceOf(live: LiveTable): Source {
  if (live.source !== null) {
    const source = JSON.parse(live.source) as Source;
    for (const { definition, condition } of source.items) [definition, condition ?? ''].forEach(whole);
    source.statistics.forEach(({ definition }) => whole(definition ?? ''));
    return source;
  }
  const keys =
    live.primaryKey.length === 0 ? [] : [keyItem('primary key', objectName(live.name, null, 'pkey'), live.primaryKey)];
  return {
    table: live.name,
    items: [...keys, ...live.uniques.map((u) => keyItem('unique', u.name, u.columns))],
    sequences: [],
    statistics: [],
    triggers: [],
  };
}

export function keyItem(kind: 'primary key' | 'unique', name: string, columns: readonly string[]): Item {
  return withColumns(
    {
      kind,
      name,
      columns: [...columns],
      mentions: [...columns],
      definition: '',
      frame: [kind === 'unique' ? 'UNIQUE' : 'PRIMARY KEY', ''],
      unique: true,
      valid: true,
      expression: false,
      bitesNull: kind === 'primary key',
      comment: null,
      clustered: false,
      replicaIdentity: false,
      options: [],
      tablespace: null,
    },
    columns,
    columns,
  );
}

export function withColumns(item: Item, columns: readonly string[], mentions: readonly string[]): Item {
  const definition = item.frame === null ? item.definition : `${item.frame[0]} (${quoteAll(columns)})${item.frame[1]}`;
  return { ...item, columns: [...columns], mentions: [...mentions], definition };
}

/**
 * A unique constraint or a plain unique index: what the contract lists as `uniques`. One with NULLS NOT DISTINCT lets
 * in less than any that the contract could make.
 */
export function isPlainUnique(item: Item): boolean {
  return (
    item.unique &&
    item.valid &&
    !item.expression &&
    !item.bitesNull &&
    (item.kind === 'unique' || item.kind === 'index')
  );
}

export function uniquesOver(source: Source, column: string): Item[] {
  return source.items.filter((item) => isPlainUnique(item) && item.columns.length === 1 && item.columns[0] === column);
}

/** The table with everything that follows from its items told again. */
export function withSource(live: LiveTable, source: Source): LiveTable {
  const sorted = {
    ...source,
    items: [...source.items].sort(byName),
    sequences: [...source.sequences].sort(byName),
    statistics: [...source.statistics].sort(byName),
    triggers: [...source.triggers].sort(byName),
  };
  return {
    ...live,
    primaryKey: sorted.items.find((item) => item.kind === 'primary key')?.columns ?? [],
    uniques: sorted.items.filter(isPlainUnique).map(({ name, columns }) => ({ name, columns })),
    extras: [
      ...live.extras.filter((extra) => !KINDS.has(extra.kind)),
      ...sorted.items.filter((item) => !item.mentions.some(isAside)).map(toExtra),
    ].sort(byKind),
    source: JSON.stringify(sorted),
  };
}

const KINDS = new Set<string>([
  'primary key',
  'unique',
  'exclude',
  'check',
  'foreign key',
  'index',
] satisfies ItemKind[]);

function toExtra(item: Item): Extra {
  const { definition, unique, valid, comment, clustered, replicaIdentity, options, tablespace } = item;
  return {
    kind: item.kind,
    name: item.name,
    definition: JSON.stringify([definition, unique, valid, comment, clustered, replicaIdentity, options, tablespace]),
  };
}

/** By code units: the server's collation must not decide which name is the first. */
function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function byKind(a: Extra, b: Extra): number {
  return a.kind < b.kind ? -1 : a.kind > b.kind ? 1 : byName(a, b);
}

/** The column of this very name, else the one that differs in case alone. */
export function columnOf(live: LiveTable, name: string): LiveColumn {
  const column =
    live.columns.find((c) => c.name === name) ?? live.columns.find((c) => foldName(c.name) === foldName(name));
  if (column !== undefined) whole(column.native);
  if (column === undefined)
    throw new DatabaseError('drift_detected', `table ${live.name} has no column ${name}`, {
      details: { table: live.name, column: name },
    });
  return column;
}

/** Those that were dropped count for good. */
export const MOST_COLUMNS = 1600;

/** Errors: DatabaseError unsupported_change. */
export function refuseFull(live: LiveTable): void {
  if ((sourceOf(live).width ?? 0) < MOST_COLUMNS) return;
  throw new DatabaseError(
    'unsupported_change',
    `postgres: ${live.name} has had ${MOST_COLUMNS} columns, dropped ones among them, and a table gets ` +
      'no more than that',
  );
}

/** With one column more. */
export function withOneMoreColumn(source: Source): Source {
  return source.width === undefined ? source : { ...source, width: source.width + 1 };
}

interface TableFacts {
  owner?: string;
  force_row_security?: boolean;
  replica_identity?: string;
  type?: string | null;
  partition_key?: string | null;
  partition?: string | null;
  row_security?: boolean;
}

/** What introspection told of the table as a whole. */
export function tableFacts(live: LiveTable): TableFacts {
  const extra = live.extras.find(({ kind }) => kind === 'table');
  return extra === undefined ? {} : (JSON.parse(extra.definition) as TableFacts);
}
