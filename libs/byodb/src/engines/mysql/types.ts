import { DatabaseError } from '../../errors.js';
import type { LiveColumn } from '../../live.js';
import {
  isTimeType,
  portableType,
  timeType,
  type ColumnType,
  type PortableType,
  type TimeType,
} from '../../schema/column-types.js';
import type { Column } from '../../schema/column.js';
import { defaultFunction } from '../../schema/defaults.js';
import { parseJson, type Default } from '../../schema/json.js';
import { tokens, wordAt } from './parser/ddl-text.js';
import { literal, unquote } from './sql.js';

const PLAIN: Record<Exclude<PortableType, 'string' | 'decimal'>, string> = {
  smallint: 'smallint',
  integer: 'int',
  bigint: 'bigint',
  float: 'float',
  double: 'double',
  boolean: 'tinyint(1)',
  text: 'longtext',
  uuid: 'char(36) CHARACTER SET ascii COLLATE ascii_bin',
  date: 'date',
  time: 'time(6)',
  timestamp: 'datetime(6)',
  json: 'json',
  binary: 'longblob',
};

const NOW: Record<TimeType, string> = {
  timestamp: '(utc_timestamp(6))',
  date: '(utc_date())',
  time: '(utc_time(6))',
};

export function nativeType(column: Pick<Column, 'type' | 'length' | 'precision' | 'scale'>): string {
  const type = portableType(column.type);
  if (type === 'string') return `varchar(${column.length})`;
  return type === 'decimal' ? `decimal(${column.precision},${column.scale})` : PLAIN[type];
}

/** Everything after the name. `extra` is what the customer put there and stays (a comment). */
export function definitionOf(column: Column, extra = ''): string {
  const { type, default: raw } = column.native?.engine === 'mysql' ? column.native : {};
  const value =
    raw !== undefined
      ? [`DEFAULT ${ownDefault(raw)}`]
      : column.default === null
        ? []
        : [`DEFAULT ${defaultSql(column)}`];
  return [
    type === undefined ? nativeType(column) : ownTypeClause(type),
    column.nullable ? 'NULL' : 'NOT NULL',
    ...value,
    ...(column.generated ? ['AUTO_INCREMENT'] : []),
    ...(extra === '' ? [] : [extra]),
  ].join(' ');
}

/**
 * A type as ownType told it: a name with what stands in its brackets, and nothing that could be a clause of its own.
 */
function ownTypeClause(type: string): string {
  const words = tokens(type);
  const plain = words.every((word, i) => (i === 0 ? /^[a-z]+(\(|$)/.test(word) : /^(unsigned|zerofill)$/.test(word)));
  if (!plain || words.join(' ') !== type)
    throw new DatabaseError('unsupported_change', `a type that was read is no type: ${type}`);
  return type;
}

function ownDefault(raw: string): string {
  const [word, ...more] = tokens(raw);
  if (word !== raw || more.length > 0)
    throw new DatabaseError('unsupported_change', `a default that was read is no single expression: ${raw}`);
  return raw;
}

export function defaultSql(column: Column): string {
  const value = column.default;
  if (defaultFunction(column) === 'now') return NOW[timeType(column.type)];
  if (defaultFunction(column) === 'uuid') return '(uuid())';
  if (column.type === 'json') return `(${literal(JSON.stringify(value))})`;
  if (typeof value === 'boolean') return value ? '1' : '0';
  // The catalog prints a float's literal with six digits and a varchar's in three bytes a character: what it printed
  // would be written back so. An expression it keeps to the letter.
  if (typeof value === 'number')
    return column.type === 'float' && Number(value.toPrecision(6)) !== value ? `(${value} + 0)` : String(value);
  if (column.type === 'string' && /[\u{10000}-\u{10FFFF}]/u.test(String(value)))
    return `(concat(${literal(String(value))}))`;
  const text = column.type === 'timestamp' ? String(value).replace('T', ' ').replace('Z', '') : String(value);
  return column.type === 'text' ? `(${literal(text)})` : literal(text);
}

interface Known {
  type: ColumnType | null;
  length: number | null;
  precision: number | null;
  scale: number | null;
}

/** One column line of SHOW CREATE TABLE, behind the name. */
export function readColumn(name: string, definition: string): LiveColumn {
  const words = tokens(definition);
  const upper = words.map((w) => (/^['`(]/.test(w) ? w : w.toUpperCase()));
  const type = wordAt(words, 0);
  const native = type.toLowerCase();
  const isJson =
    native === 'json' ||
    (native === 'longtext' && upper.some((w, i) => w === 'CHECK' && /^\(json_valid\(/i.test(words[i + 1] ?? '')));
  const isPlain =
    !upper.includes('UNSIGNED') && !upper.includes('ZEROFILL') && !upper.includes('GENERATED') && !upper.includes('AS');
  const known: Known = isJson
    ? { type: 'json', length: null, precision: null, scale: null }
    : isPlain
      ? portable(native)
      : { type: null, length: null, precision: null, scale: null };
  const nullable = !upper.some((w, i) => w === 'NOT' && upper[i + 1] === 'NULL');
  const at = upper.indexOf('DEFAULT');
  return {
    name,
    ...known,
    native: isJson ? 'json' : known.type === null ? ownType(type, upper) : native,
    nullable,
    generated: upper.includes('AUTO_INCREMENT'),
    default: at === -1 ? null : readDefault(known.type, wordAt(words, at + 1)),
    definition: words.join(' '),
  };
}

/**
 * As its owner wrote it: the names in an enum keep their case, and what counts for the values stays beside the type.
 */
function ownType(type: string, upper: string[]): string {
  const open = type.indexOf('(');
  const name = open === -1 ? type.toLowerCase() : type.slice(0, open).toLowerCase() + type.slice(open);
  return [
    name,
    ...['UNSIGNED', 'ZEROFILL'].filter((word) => upper.includes(word)).map((word) => word.toLowerCase()),
  ].join(' ');
}

function portable(native: string): Known {
  const [, name, inside] = /^([a-z]+)(?:\(([^)]*)\))?$/.exec(native) ?? [];
  const none = { length: null, precision: null, scale: null };
  switch (name) {
    case 'smallint':
    case 'bigint':
    case 'float':
    case 'double':
    case 'date':
      return name === 'float' && inside !== undefined ? { type: null, ...none } : { type: name, ...none };
    case 'int':
      return { type: 'integer', ...none };
    case 'tinyint':
      return { type: inside === '1' ? 'boolean' : null, ...none };
    case 'decimal': {
      const size = /^(\d+),(\d+)$/.exec(inside ?? '');
      return size === null
        ? { type: null, ...none }
        : { type: 'decimal', length: null, precision: Number(size[1]), scale: Number(size[2]) };
    }
    case 'varchar':
      return { type: 'string', ...none, length: Number(inside) };
    case 'longtext':
      return { type: 'text', ...none };
    case 'char':
      return { type: inside === '36' ? 'uuid' : null, ...none };
    case 'time':
      return { type: inside === '6' ? 'time' : null, ...none };
    case 'datetime':
      return { type: inside === '6' ? 'timestamp' : null, ...none };
    case 'longblob':
      return { type: 'binary', ...none };
    default:
      return { type: null, ...none };
  }
}

function readDefault(type: ColumnType | null, token: string): LiveColumn['default'] {
  if (/^null$/i.test(token)) return null;
  const inside = token.startsWith('(') ? token.slice(1, -1) : token;
  const exact =
    type === 'float'
      ? /^\(?(-?[\d.]+(?:e[+-]?\d+)?) \+ 0\)?$/i.exec(inside)
      : type === 'string'
        ? /^concat\(([^]*)\)$/i.exec(inside)
        : null;
  const [, within] = exact ?? [];
  const bare = within !== undefined && tokens(within).length === 1 ? within : inside;
  const quoted = /^(_[a-z0-9]+ ?)?'/.test(bare);
  const text = quoted ? unquote(bare.slice(bare.indexOf("'"))) : bare;
  const value = (v: Default): LiveColumn['default'] => ({ value: v });
  if (!quoted && /^(utc_timestamp|utc_date|utc_time)\(6?\)$/i.test(bare))
    return type !== null && isTimeType(type) && NOW[type].slice(1, -1).toLowerCase() === bare.toLowerCase()
      ? value({ function: 'now' })
      : { raw: token };
  if (!quoted && /^uuid\(\)$/i.test(bare)) return type === 'uuid' ? value({ function: 'uuid' }) : { raw: token };
  if (!quoted && !/^-?[\d.]+(e[+-]?\d+)?$/i.test(bare)) return { raw: token };
  switch (type) {
    case null:
    case 'binary':
      return { raw: token };
    case 'smallint':
    case 'integer':
    case 'float':
    case 'double':
      return value(Number(text));
    case 'boolean':
      return value(text !== '0');
    case 'json':
      try {
        return value(parseJson(text));
      } catch {
        return { raw: token };
      }
    case 'time':
      return value(
        text.replace(/\.?0+$/, (zeros) => (zeros.startsWith('.') ? '' : zeros)).replace(/(\.\d*?)0+$/, '$1'),
      );
    case 'timestamp': {
      const [day, time = '00:00:00'] = text.split(' ');
      const [clock, micros = ''] = time.split('.');
      const six = micros.padEnd(6, '0');
      return value(`${day}T${clock}.${six.endsWith('000') ? six.slice(0, 3) : six}Z`);
    }
    default:
      return value(text);
  }
}
