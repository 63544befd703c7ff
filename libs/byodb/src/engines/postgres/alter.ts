import type { Rendered } from '../../ddl.js';
import { DatabaseError } from '../../errors.js';
import { isApart, type LiveColumn, type LiveTable } from '../../live.js';
import { isIntegerType } from '../../schema/column-types.js';
import { sameType, type Column } from '../../schema/column.js';
import { sameDefault } from '../../schema/defaults.js';
import { convertOrFail, metadataOnly } from './conversion.js';
import { alterTable, dropParts, refuseUniqueApart, remakeParts } from './items/render-items.js';
import {
  columnOf,
  definitionOf,
  isSerial,
  keyItem,
  sourceOf,
  uniquesOver,
  withSource,
  type Definition,
  type Item,
  type Source,
} from './items/table-items.js';
import { quote } from './sql.js';
import {
  canStore,
  COMPRESSION,
  keeps,
  nativeType,
  readType,
  renderDefault,
  shapeOf,
  STORAGE,
  type Shape,
} from './types.js';

const isTextual = (shape: Shape | null): boolean =>
  shape !== null && (shape.type === 'string' || shape.type === 'text');

export function alterColumn(
  live: LiveTable,
  name: string,
  to: Column,
  uniqueName: string,
  apart: readonly string[] = [],
): Rendered {
  const column = columnOf(live, name);
  const definition = definitionOf(column);
  const source = sourceOf(live);
  const shape = shapeOf(column);
  const retypes = shape === null ? column.native !== nativeType(to) : !sameType(shape, to);
  // Others' expression stays unless a portable default takes its place; numbering has none to speak of.
  const keepsDefault =
    column.generated ||
    definition.expression !== undefined ||
    (to.default === null && column.default !== null && 'raw' in column.default);
  const current = column.default !== null && 'value' in column.default ? column.default.value : null;
  const redefaults =
    !keepsDefault &&
    (retypes || (column.default !== null && 'raw' in column.default) || !sameDefault(to.type, current, to.default));
  const wanted = redefaults ? renderDefault(to) : null;
  const renulls = column.nullable !== to.nullable && !live.primaryKey.includes(column.name);
  const uniques = uniquesOver(source, column.name).filter((item) => !isApart(item.name, apart));
  const dropped = to.unique ? [] : uniques;
  if (to.unique && uniques.length === 0) refuseUniqueApart(live.name, source, [column.name]);
  if (retypes) refuseStrangeKeys(live.name, column, to, source);
  const added = to.unique && uniques.length === 0 ? [keyItem('unique', uniqueName, [column.name])] : [];

  const after: Definition = { ...definition, ...(wanted !== null && { default: wanted }) };
  if (redefaults && wanted === null) delete after.default;
  if (!isTextual(to)) delete after.collation;
  const columns = live.columns.map((c): LiveColumn =>
    c !== column
      ? c
      : {
          ...c,
          ...(retypes && {
            type: to.type,
            length: to.length,
            precision: to.precision,
            scale: to.scale,
            native: nativeType(to),
          }),
          nullable: renulls ? to.nullable : c.nullable,
          default: redefaults ? (to.default === null ? null : { value: keeps(to).default }) : c.default,
          definition: JSON.stringify(after),
        },
  );
  return {
    statements: render(live.name, column, {
      type: retypes ? typeClause(column, nativeType(to), shape, to) : null,
      native: nativeType(to),
      definition: after,
      dropDefault: redefaults && definition.default !== undefined && (retypes || wanted === null),
      setDefault: wanted,
      nullable: renulls ? to.nullable : null,
      dropped,
      added,
    }),
    live: withSource(
      { ...live, columns },
      { ...source, items: [...source.items.filter((item) => !dropped.includes(item)), ...added] },
    ),
  };
}

const FAMILIES: readonly (readonly string[])[] = [
  ['smallint', 'integer', 'bigint'],
  ['float', 'double'],
  ['string', 'text'],
];

/** A foreign key stays only where both sides can still be compared. */
function refuseStrangeKeys(table: string, column: LiveColumn, to: Column, source: Source): void {
  const keys = source.items.filter((item) => item.kind === 'foreign key' && item.columns.includes(column.name));
  if (keys.length === 0 || FAMILIES.some((family) => family.includes(column.type ?? '') && family.includes(to.type)))
    return;
  const dependents = keys.map(({ kind, name }) => ({ kind, name }));
  throw new DatabaseError(
    'dependents_exist',
    `${keys.map(({ name }) => `foreign key ${name}`).join(', ')} of ${table} needs ${column.name} as ${column.native}`,
    { details: { dependents } },
  );
}

export function restoreColumn(live: LiveTable, name: string, was: LiveTable, apart: readonly string[] = []): Rendered {
  const [column, former] = [columnOf(live, name), columnOf(was, name)];
  const [definition, target] = [definitionOf(column), definitionOf(former)];
  const [source, formerSource] = [sourceOf(live), sourceOf(was)];
  const retypes = column.native !== former.native || definition.collation !== target.collation;
  const has = (items: readonly Item[], item: Item): boolean => items.some((other) => other.name === item.name);
  const own = (items: Item[]): Item[] => items.filter((item) => !isApart(item.name, apart));
  const [before, now] = [own(uniquesOver(formerSource, former.name)), own(uniquesOver(source, column.name))];
  // A changed type makes PostgreSQL write expressions anew, casts included: they would not read as before.
  const rewritten = retypes
    ? formerSource.items.filter(
        (item) => item.expression && item.mentions.includes(former.name) && has(source.items, item),
      )
    : [];
  const added = [...before.filter((item) => !has(now, item)), ...rewritten];
  const dropped = [...now.filter((item) => !has(before, item)), ...rewritten];
  const redefaults =
    !isSerial(former) &&
    definition.expression === undefined &&
    (definition.default !== target.default || (retypes && target.default !== undefined));
  const columns = live.columns.map((c) => (c === column ? { ...former, name: c.name } : c));
  return {
    statements: render(live.name, column, {
      type: retypes ? typeClause(column, former.native, shapeOf(column), shapeOf(former), target.collation) : null,
      native: former.native,
      definition: target,
      dropDefault: redefaults && definition.default !== undefined && (retypes || target.default === undefined),
      setDefault: redefaults ? (target.default ?? null) : null,
      nullable: column.nullable === former.nullable ? null : former.nullable,
      dropped,
      added,
    }),
    live: withSource(
      { ...live, columns },
      { ...source, items: [...source.items.filter((item) => !has(dropped, item)), ...added] },
    ),
  };
}

interface Change {
  /** Null: the type stays. */
  type: string | null;
  native: string;
  /** Of the column as it shall be. */
  definition: Definition;
  dropDefault: boolean;
  setDefault: string | null;
  /** Null: stays as it is. */
  nullable: boolean | null;
  dropped: Item[];
  added: Item[];
}

/**
 * One ALTER TABLE as far as possible: one lock, one rewrite. Its clauses run by kind: drops, then the type, then the
 * rest.
 */
function render(table: string, column: LiveColumn, change: Change): string[] {
  const alter = `alter column ${quote(column.name)}`;
  const [drops, made] = [dropParts(change.dropped), remakeParts(table, change.added)];
  const { storage, compression } = change.definition;
  const sequence =
    isSerial(column) && change.type !== null && isIntegerType(readType(change.native)?.type ?? 'text')
      ? definitionOf(column).sequence
      : undefined;
  return [
    ...drops.statements,
    ...alterTable(table, [
      ...drops.clauses,
      ...(change.dropDefault ? [`${alter} drop default`] : []),
      ...(change.type !== null ? [`${alter} type ${change.type}`] : []),
      ...(change.setDefault !== null ? [`${alter} set default ${change.setDefault}`] : []),
      ...(change.nullable === null ? [] : [`${alter} ${change.nullable ? 'drop' : 'set'} not null`]),
      ...(change.type !== null && storage !== undefined && canStore(change.native)
        ? [`${alter} set storage ${STORAGE[storage]}`]
        : []),
      ...(change.type !== null && compression !== undefined && canStore(change.native)
        ? [`${alter} set compression ${COMPRESSION[compression]}`]
        : []),
      ...made.clauses,
    ]),
    // Identity's sequence follows by itself, that of a serial column does not: it would end with the narrow type.
    ...(sequence === undefined ? [] : [`alter sequence ${quote(String(sequence['name']))} as ${change.native}`]),
    ...made.statements,
  ];
}

function typeClause(
  column: LiveColumn,
  native: string,
  from: Shape | null,
  to: Shape | null,
  collation = definitionOf(column).collation,
): string {
  // Without it the type's own collation would take the place of the column's
  // (https://www.postgresql.org/docs/current/sql-altertable.html).
  const collate = collation !== undefined && (to === null || isTextual(to)) ? ` collate ${collation}` : '';
  // Without USING a longer varchar needs no rewrite; with it PostgreSQL cannot know.
  if (from !== null && to !== null && metadataOnly(from, to)) return native + collate;
  const quoted = quote(column.name);
  if (from === null || to === null) return `${native}${collate} using ${quoted}::${native}`;
  const converted = convertOrFail(from, to, quoted);
  return `${native}${collate} using ${nativeType(to) === native ? converted : `(${converted})::${native}`}`;
}
