import type { ColumnBody, Literal, Type } from './columns.js';
import type { Random } from './random.js';

export const TYPES: Record<Type, number> = {
  smallint: 2,
  integer: 4,
  bigint: 3,
  decimal: 3,
  double: 2,
  boolean: 2,
  string: 5,
  text: 3,
  uuid: 1,
  date: 2,
  timestamp: 2,
  json: 1,
};
export const BECOMES: Record<Type, Type[]> = {
  smallint: ['integer', 'bigint', 'text'],
  integer: ['bigint', 'text', 'string', 'decimal', 'smallint'],
  bigint: ['integer', 'text', 'decimal', 'string'],
  decimal: ['text', 'double', 'integer'],
  double: ['text', 'decimal'],
  boolean: ['integer', 'smallint'],
  string: ['text', 'integer', 'bigint', 'string'],
  text: ['string', 'integer'],
  uuid: ['text', 'string'],
  date: ['timestamp', 'text'],
  timestamp: ['date', 'text'],
  json: ['text'],
};

/** What is the same on every engine when its owner writes it as the program would. */
export const ADOPTED: Type[] = ['integer', 'bigint', 'smallint', 'decimal', 'double', 'string', 'date'];
export const WORDS = ['order', 'select', 'group', 'Key', 'user', 'table', 'desc', 'Value', 'primary', 'default'];

export function sized(random: Random, type: Type): Pick<ColumnBody, 'length' | 'precision' | 'scale'> {
  if (type === 'string') return random.chance(0.3) ? {} : { length: random.between(12, 300) };
  return type === 'decimal' ? { precision: random.between(16, 24), scale: random.between(2, 6) } : {};
}

export function literal(random: Random, type: Type): Literal {
  const n = random.between(1, 999);
  switch (type) {
    case 'smallint':
    case 'integer':
    case 'double':
      return n;
    case 'bigint':
      return String(n * 1000);
    case 'decimal':
      return `${n}.25`;
    case 'boolean':
      return n % 2 === 0;
    case 'string':
    case 'text':
      return random.chance(0.3) ? `it's ${n}` : `d${n}`;
    case 'date':
      return '2020-02-29';
    case 'timestamp':
      return '2020-02-29T12:30:00.000Z';
    case 'uuid':
    case 'json':
      return null;
  }
}

export function otherCase(name: string): string {
  return name === name.toLowerCase() ? name.toUpperCase() : name.toLowerCase();
}
