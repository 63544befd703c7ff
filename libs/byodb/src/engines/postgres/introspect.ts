import type { Extra, LiveColumn, LiveTable } from '../../live.js';
import { isIntegerType } from '../../schema/column-types.js';
import type { ColumnRow, ItemRow, TableRow } from './catalog/table-query.js';
import {
  withSource,
  withColumns,
  type Definition,
  type Item,
  type Sequence,
  type Source,
} from './items/table-items.js';
import { readDefault, readType } from './types.js';

export function readTable(name: string, row: TableRow): LiveTable {
  const columns = row.columns ?? [];
  const triggers = row.triggers ?? [];
  const statistics = row.statistics ?? [];
  const source: Source = {
    table: name,
    items: (row.items ?? []).map(readItem),
    sequences: columns.flatMap((c) =>
      (c.sequences ?? []).map((s): Sequence => ({ name: s.name, column: c.name, identity: s.identity })),
    ),
    statistics: statistics.map((s) => ({ name: s.name, mentions: [...(s.mentions ?? [])].sort(), definition: s.what })),
    triggers: triggers.map((t) => ({ name: t.name, enabled: t.enabled, onUpdate: t.on_update })),
    numbers: row.numbers ?? {},
    width: row.width,
    children: row.children ?? [],
    ...(row.partition_key === null ? {} : { partitionKey: row.partition_key }),
  };
  const extras: Extra[] = [
    ...(row.extras ?? []).map(([kind, extra, definition]) => ({ kind, name: extra, definition })),
    ...triggers.map((t) => ({
      kind: 'trigger',
      name: t.name,
      definition: JSON.stringify([t.definition, t.enabled, t.comment]),
    })),
    ...statistics.map((s) => ({ kind: 'statistics', name: s.name, definition: s.definition })),
  ];
  return withSource(
    { name, columns: columns.map(readColumn), primaryKey: [], uniques: [], extras, owner: null, source: null },
    source,
  );
}

function readColumn(row: ColumnRow): LiveColumn {
  const shape = readType(row.native);
  const computed = row.generated !== '';
  const serial =
    !computed &&
    shape !== null &&
    isIntegerType(shape.type) &&
    row.sequences !== null &&
    /^nextval\('.*'::regclass\)$/.test(row.default ?? '');
  const generated = row.identity !== '' || serial;
  const expression = computed ? null : row.default;
  const [sequence] = row.sequences ?? [];
  const definition: Definition = {
    ...(expression !== null && { default: expression }),
    ...(row.collation !== null && { collation: row.collation }),
    ...(row.identity !== '' && { identity: row.identity === 'a' ? 'always' : 'by default' }),
    ...(sequence !== undefined && { sequence: { name: sequence.name, ...sequence.options } }),
    ...(computed && { expression: row.default ?? '' }),
    ...(row.comment !== null && { comment: row.comment }),
    ...(row.acl !== null && { acl: row.acl }),
    ...(row.statistics !== null && { statistics: row.statistics }),
    ...(row.storage !== null && { storage: row.storage }),
    ...(row.compression !== null && { compression: row.compression }),
    ...(row.options !== null && { options: row.options }),
    ...(row.inherited && { inherited: true }),
    ...(row.domain !== null && { domain: row.domain }),
  };
  return {
    name: row.name,
    type: shape?.type ?? null,
    length: shape?.length ?? null,
    precision: shape?.precision ?? null,
    scale: shape?.scale ?? null,
    native: row.native,
    nullable: !row.not_null,
    default: expression === null || generated ? null : readDefault(shape, expression),
    generated,
    definition: JSON.stringify(definition),
  };
}

const ITEM_KINDS = { p: 'primary key', u: 'unique', x: 'exclude', c: 'check', f: 'foreign key', i: 'index' } as const;

function readItem(row: ItemRow): Item {
  const columns = row.columns ?? [];
  const mentions = [...new Set([...columns, ...(row.mentions ?? [])])].sort();
  const head =
    row.included === true || row.definition.includes(' WITHOUT OVERLAPS)')
      ? null
      : /^(PRIMARY KEY|UNIQUE(?: NULLS NOT DISTINCT)?) \(.*?\)((?: DEFERRABLE)?(?: INITIALLY DEFERRED)?)$/s.exec(
          row.definition,
        );
  const [, opening, behind] = head ?? [];
  const expression = row.type === 'c' || row.expression === true;
  const item: Item = {
    kind: ITEM_KINDS[row.type],
    name: row.name,
    columns,
    mentions,
    definition: row.definition,
    frame: opening === undefined || behind === undefined || row.type === 'i' ? null : [opening, behind],
    unique: row.unique ?? false,
    valid: row.valid ?? true,
    expression,
    bitesNull:
      row.type === 'p' ||
      row.type === 'c' ||
      (row.match_full && columns.length > 1) ||
      ((row.unique === true || row.type === 'x') && (expression || row.nulls_not_distinct === true)),
    comment: row.comment,
    clustered: row.clustered ?? false,
    replicaIdentity: row.replica_identity ?? false,
    options: row.type === 'i' ? [] : (row.options ?? []),
    tablespace: row.tablespace,
    // What later versions know beside is told by the text alone.
    ...(row.refers === null || / PERIOD | NOT ENFORCED/.test(row.definition) ? {} : { refers: row.refers }),
    ...(row.condition === null || row.definition.endsWith(' NOT VALID') ? {} : { condition: row.condition }),
  };
  return withColumns(item, columns, mentions);
}
