import type { Rendered } from '../../ddl.js';
import { DatabaseError } from '../../errors.js';
import type { LiveColumn, LiveTable } from '../../live.js';
import { pairs } from '../../pairs.js';
import { needsOf } from './foreign-keys.js';
import { columnStatements } from './items/column-options.js';
import { itemsGoneWith } from './items/gone-with-column.js';
import { alterTable, remakeParts } from './items/render-items.js';
import {
  columnOf,
  definitionOf,
  MOST_COLUMNS,
  refuseFull,
  sourceOf,
  tableFacts,
  withOneMoreColumn,
  withSource,
  type Source,
} from './items/table-items.js';
import { literal, quote, quoteAll } from './sql.js';
import { withoutTriggers } from './triggers/without-triggers.js';

/** Takes a column out, its values into a table by primary key; see `Ddl.detachColumn`. */
export function detachColumn(live: LiveTable, name: string, kept?: LiveTable): Rendered {
  const column = columnOf(live, name);
  const reason = kept === undefined ? staysFor(live, column) : null;
  if (reason !== null) throw new DatabaseError('unsupported_change', reason);
  const keep = kept?.name ?? column.name;
  const source = sourceOf(live);
  const keys = live.primaryKey.map((_, i) => `k${i + 1}`);
  const names = [...keys, 'v'];
  const values = [...live.primaryKey, column.name];
  const first = [
    `create table ${quote(keep)} as select ` +
      `${pairs(values, names)
        .map(([value, as]) => `${quote(value)} as ${quote(as)}`)
        .join(', ')} from ` +
      `${quote(live.name)}`,
    `alter table ${quote(keep)} add primary key (${quoteAll(keys)})`,
    `comment on table ${quote(keep)} is ${literal(keyMark(live))}`,
  ];
  // Values of rows that are gone by now stay: they were kept for as long as what was dropped is.
  const again = [
    `insert into ${quote(keep)} (${quoteAll(names)}) select ${quoteAll(values)} from ${quote(live.name)} ` +
      `on conflict (${quoteAll(keys)}) do update set "v" = excluded."v"`,
  ];
  return {
    statements: [
      ...(kept === undefined ? first : again),
      `alter table ${quote(live.name)} drop column ${quote(column.name)}`,
    ],
    live: withSource(
      { ...live, columns: live.columns.filter((c) => c !== column) },
      withoutMentions(source, column.name),
    ),
  };
}

/** What is left when a column is dropped: PostgreSQL takes along all that hangs on it. */
export function withoutMentions(source: Source, column: string): Source {
  const { [column]: _gone, ...numbers } = source.numbers ?? {};
  return {
    ...source,
    numbers,
    items: source.items.filter((item) => !item.mentions.includes(column)),
    sequences: source.sequences.filter((s) => s.column !== column),
    statistics: source.statistics.filter((s) => !s.mentions.includes(column)),
  };
}

/**
 * Columns that a table must still be able to get when one is taken out: it comes back as a new one, and others may be
 * added before it.
 */
const SPARE = 100;

/** Why it must stay in its place; null: it can be taken out. */
function staysFor(live: LiveTable, column: LiveColumn): string | null {
  const source = sourceOf(live);
  const table = tableFacts(live);
  if ((source.width ?? 0) > MOST_COLUMNS - SPARE)
    return `it has had ${source.width} of the ${MOST_COLUMNS} columns that a table gets, and might get none back`;
  if (column.generated) return 'the database goes on numbering it';
  if (source.sequences.some((s) => s.column === column.name)) return 'a sequence belongs to the column';
  if ((source.children ?? []).length > 0) return 'other tables inherit from it';
  if (live.extras.some((extra) => extra.kind === 'inherits')) return 'it inherits from another table';
  if (table.type != null) return 'it is a table of a type';
  if (table.force_row_security === true) return 'row level security is forced on its owner';
  if (table.replica_identity === 'n') return 'its rows could not be written again while it has no replica identity';
  if (source.items.some((item) => item.kind === 'check' && item.definition.endsWith(' NOT VALID')))
    return 'it has a check that not all of its rows need to meet';
  if (live.extras.some((extra) => extra.kind === 'rule')) return 'it has rules';
  const foreign = (definitionOf(column).acl ?? []).find(
    (acl) => acl.slice(acl.lastIndexOf('/') + 1) !== String(table.owner),
  );
  return foreign === undefined ? null : 'somebody else than its owner gave rights to the column';
}

/** Which columns are the key, by number: another key of the same types would give rows each other's values. */
function keyMark(live: LiveTable): string {
  const { numbers = {} } = sourceOf(live);
  return `key ${live.primaryKey.map((name) => numbers[name] ?? name).join(' ')}`;
}

export function reattachColumn(
  live: LiveTable,
  kept: LiveTable,
  was: LiveTable,
  name: string,
  _after?: string | null,
  others: readonly LiveTable[] = [],
): Rendered {
  refuseFull(live);
  const former = columnOf(was, name);
  const definition = definitionOf(former);
  const mark = kept.extras.find((extra) => extra.kind === 'comment')?.definition;
  if (mark !== undefined && mark !== keyMark(live))
    throw new DatabaseError(
      'unsupported_change',
      `the primary key of ${live.name} is another one than when ${name} was dropped: its values cannot be ` +
        'told apart any more',
    );
  const [source, formerSource] = [sourceOf(live), sourceOf(was)];
  const columns = [...live.columns, { ...former }];
  const whole: LiveTable = { ...live, columns };
  const { items, statistics } = itemsGoneWith(formerSource, others.map(sourceOf), source, former.name);
  const made = remakeParts(live.name, items, statistics);
  const alter = `alter column ${quote(former.name)}`;
  const [hasDefault, notNull] = [
    definition.default !== undefined,
    !former.nullable && definition.expression === undefined,
  ];
  const collate = definition.collation === undefined ? '' : ` collate ${definition.collation}`;
  const computed = definition.expression === undefined ? '' : ` generated always as (${definition.expression}) stored`;
  const fill =
    `update ${quote(live.name)} set ${quote(former.name)} = _saga_kept."v" from ${quote(kept.name)} ` +
    `_saga_kept where ${sameKey(live, kept)} and _saga_kept."v" is not null`;
  const rest = `update ${quote(live.name)} set ${quote(former.name)} = default where ${quote(former.name)} is null`;
  const mustHold = notNull || (computed === '' && definition.domain?.notNull === true);
  const fills = hasDefault && mustHold;
  const [quoted, joined] = [
    quote(live.name),
    `${quote(live.name)} left join ${quote(kept.name)} _saga_kept on ${sameKey(live, kept)}`,
  ];
  const type = `${former.native}${collate}`;
  // As a domain that refuses NULL it could not be added to rows: it comes back as what the domain is made of.
  const domain = computed === '' ? definition.domain : undefined;
  return {
    statements: [
      `alter table ${quote(live.name)} add column ${quote(former.name)} ${domain?.base ?? type}${computed}`,
      ...(computed === '' ? [withoutTriggers(live, fill)] : []),
      ...(hasDefault ? alterTable(live.name, [`${alter} set default ${definition.default}`]) : []),
      // Rows that were written without it: what an insert that leaves it out gives them.
      ...(fills ? [withoutTriggers(live, rest)] : []),
      ...alterTable(live.name, domain === undefined ? [] : [`${alter} type ${type}`]),
      ...alterTable(live.name, [...(notNull ? [`${alter} set not null`] : []), ...made.clauses]),
      ...made.statements,
      ...columnStatements(live.name, former),
    ],
    live: withSource(whole, {
      ...withOneMoreColumn(source),
      items: [...source.items, ...items],
      statistics: [...source.statistics, ...statistics],
    }),
    needs: [
      ...(mustHold && !notNull && !fills
        ? [
            {
              need: 'no_rows' as const,
              from: joined,
              like: '_saga_kept."v" is null',
              of: `the type ${former.native} of ${former.name}`,
            },
          ]
        : []),
      ...needsOf(items, live.name, {
        from: joined,
        valued: (c) => (c === former.name ? '_saga_kept."v"' : `${quoted}.${quote(c)}`),
        column: former.name,
      }),
    ],
    takes: [
      ...items.filter((item) => item.kind === 'index' || item.unique || item.kind === 'exclude'),
      ...statistics,
    ].map((x) => x.name),
    ...(fills ? { fills: true } : {}),
  };
}

/** The key may have been converted meanwhile: then its values are compared as texts. */
export function sameKey(live: LiveTable, kept: LiveTable): string {
  const same = live.primaryKey.map((name, i) => {
    const [now, then] = [columnOf(live, name).native, columnOf(kept, `k${i + 1}`).native];
    const [left, right] = [`${quote(live.name)}.${quote(name)}`, `_saga_kept.${quote(`k${i + 1}`)}`];
    return now === then ? `${left} = ${right}` : `${left}::text = ${right}::text`;
  });
  return same.join(' and ');
}
