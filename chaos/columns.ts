/**
 * What a caller says of a column, with the words of the API alone: nothing here is taken from the program that is
 * tried.
 */
export type Type =
  | 'smallint'
  | 'integer'
  | 'bigint'
  | 'decimal'
  | 'double'
  | 'boolean'
  | 'string'
  | 'text'
  | 'uuid'
  | 'date'
  | 'timestamp'
  | 'json';
export type Literal = string | number | boolean | null;
export type EngineName = 'postgres' | 'mysql' | 'sqlite';

export interface ColumnBody {
  name: string;
  rename_to?: string;
  type?: Type;
  length?: number;
  precision?: number;
  scale?: number;
  nullable?: boolean;
  default?: Literal;
  unique?: boolean;
  primary_key?: boolean;
  generated?: boolean;
}

/** A column as it must be; `uid` stays with it through every rename. */
export interface Column {
  uid: number;
  name: string;
  type: Type;
  length: number | null;
  precision: number | null;
  scale: number | null;
  nullable: boolean;
  default: Literal;
  unique: boolean;
  primaryKey: boolean;
  generated: boolean;
}

export function fold(name: string): string {
  return name.toLowerCase();
}

export function find(columns: Column[], name: string): Column | undefined {
  return columns.find((c) => fold(c.name) === fold(name));
}

export function made(body: ColumnBody, uid: number): Column {
  const type = body.type!;
  return {
    uid,
    name: body.name,
    ...shape(type, body),
    nullable: body.primary_key === true ? false : (body.nullable ?? true),
    default: body.default ?? null,
    unique: body.unique ?? false,
    primaryKey: body.primary_key ?? false,
    generated: body.generated ?? false,
  };
}

function shape(type: Type, body: ColumnBody): Pick<Column, 'type' | 'length' | 'precision' | 'scale'> {
  return {
    type,
    length: type === 'string' ? (body.length ?? 255) : null,
    precision: type === 'decimal' ? (body.precision ?? 10) : null,
    scale: type === 'decimal' ? (body.scale ?? 2) : null,
  };
}

/** One entry of POST /table/column that was carried out. Null: it makes no sense here, so it must not have been. */
export function changed(columns: Column[], body: ColumnBody, uid: number): Column[] | null {
  const column = find(columns, body.name);
  const { name, rename_to: to, ...rest } = body;
  if (column === undefined) return body.type === undefined || to !== undefined ? null : [...columns, made(body, uid)];
  if (Object.keys(rest).length === 0 && to === undefined) return columns.filter((c) => c !== column);
  if (to !== undefined && columns.some((c) => c !== column && fold(c.name) === fold(to))) return null;
  const altered: Column = {
    ...column,
    ...(rest.type === undefined
      ? {
          length: rest.length ?? column.length,
          precision: rest.precision ?? column.precision,
          scale: rest.scale ?? column.scale,
        }
      : shape(rest.type, body)),
    nullable: rest.nullable ?? column.nullable,
    unique: rest.unique ?? column.unique,
    default: rest.default === undefined ? column.default : rest.default,
    name: to ?? column.name,
  };
  return columns.map((c) => (c === column ? altered : c));
}

const NATIVE: Record<EngineName, Record<Type, string>> = {
  postgres: {
    smallint: 'smallint',
    integer: 'integer',
    bigint: 'bigint',
    decimal: 'numeric',
    double: 'double precision',
    boolean: 'boolean',
    string: 'character varying',
    text: 'text',
    uuid: 'uuid',
    date: 'date',
    timestamp: 'timestamp with time zone',
    json: 'jsonb',
  },
  mysql: {
    smallint: 'smallint',
    integer: 'int',
    bigint: 'bigint',
    decimal: 'decimal',
    double: 'double',
    boolean: 'tinyint(1)',
    string: 'varchar',
    text: 'longtext',
    uuid: 'char(36)',
    date: 'date',
    timestamp: 'datetime(6)',
    json: 'json',
  },
  sqlite: {
    smallint: 'smallint',
    integer: 'integer',
    bigint: 'bigint',
    decimal: 'decimal',
    double: 'double',
    boolean: 'boolean',
    string: 'varchar',
    text: 'text',
    uuid: 'uuid_text',
    date: 'date',
    timestamp: 'timestamp',
    json: 'json_text',
  },
};

/** The engine's own type, as README.md lists it and as the catalog prints it. */
export function native(
  engine: EngineName,
  column: Pick<Column, 'type' | 'length' | 'precision' | 'scale' | 'generated'>,
): string {
  // SQLite numbers a key by itself only when it is declared INTEGER.
  if (engine === 'sqlite' && column.generated) return 'integer';
  const name = NATIVE[engine][column.type];
  if (column.type === 'string') return `${name}(${column.length})`;
  return column.type === 'decimal' ? `${name}(${column.precision},${column.scale})` : name;
}

/** What the catalog prints, with the spellings that mean the same made one. */
export function plainNative(engine: EngineName, printed: string): string {
  const text = printed.toLowerCase();
  if (engine === 'sqlite') return text === 'int' ? 'integer' : text;
  // MariaDB keeps json as longtext with a check; other integers print a display width.
  return engine === 'mysql' && text !== 'tinyint(1)' ? text.replace(/^(smallint|int|bigint)\(\d+\)$/, '$1') : text;
}
