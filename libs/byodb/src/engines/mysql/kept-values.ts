import type { Rendered } from '../../ddl.js';
import type { LiveTable } from '../../live.js';
import { pairs } from '../../pairs.js';
import type { Column } from '../../schema/column.js';
import { quotedList, sameName } from './definition/alter-statement.js';
import { tokens } from './parser/ddl-text.js';
import { quote } from './sql.js';

export function keepValues(live: LiveTable, name: string, keep: string): Rendered {
  const key = quotedList(live.primaryKey);
  return {
    statements: [
      `CREATE TABLE ${quote(keep)} (PRIMARY KEY (${key})) ENGINE=InnoDB AS SELECT ${key}, ${quote(name)} ` +
        `FROM ${quote(live.name)}`,
    ],
    live,
  };
}

export function giveBackValues(
  live: LiveTable,
  name: string,
  keep: string,
  from: Column,
  to: Column,
  then: { column: string; key: readonly string[] } = { column: name, key: live.primaryKey },
): string[] {
  if (from.type !== 'string' && from.type !== 'text') return [];
  const cast =
    to.type === 'decimal'
      ? `DECIMAL(${to.precision},${to.scale})`
      : to.type === 'date'
        ? 'DATE'
        : to.type === 'time'
          ? 'TIME(6)'
          : to.type === 'timestamp'
            ? 'DATETIME(6)'
            : null;
  const [mine, kept] = [`t.${quote(name)}`, `k.${quote(then.column)}`];
  const equal =
    to.type === 'json'
      ? `JSON_EXTRACT(${mine}, '$') = JSON_EXTRACT(${kept}, '$')`
      : cast === null
        ? `${mine} = ${kept}`
        : `CAST(${mine} AS ${cast}) = CAST(${kept} AS ${cast})`;
  const on = pairs(live.primaryKey, then.key)
    .map(([now, was]) => `t.${quote(now)} = k.${quote(was)}`)
    .join(' AND ');
  // Else ON UPDATE CURRENT_TIMESTAMP would take the way back for a change of the customer's.
  const stamps = live.columns
    .filter(
      (c) =>
        !sameName(c.name, name) &&
        / ON UPDATE /i.test(
          tokens(c.definition)
            .filter((word) => !word.startsWith("'"))
            .join(' '),
        ),
    )
    .map((c) => `, t.${quote(c.name)} = t.${quote(c.name)}`)
    .join('');
  return [
    `UPDATE ${quote(live.name)} t JOIN ${quote(keep)} k ON ${on} SET ${mine} = ${kept}${stamps} WHERE ` +
      `${equal} AND NOT (${mine} <=> ${kept})`,
  ];
}
