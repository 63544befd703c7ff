import { isIntegerType, type Column } from '../../schema.js';

const RANGE: Record<string, [string, string]> = { smallint: ['-32768', '32767'], integer: ['-2147483648', '2147483647'], bigint: ['-9223372036854775808', '9223372036854775807'] };

/** True where a value would not survive. MODIFY rounds and pads without a word, so nothing is left to it. Casts in a SELECT only warn. */
export function lost(from: Column, to: Column, q: string): string {
  return `(${q} IS NOT NULL AND (${condition(from, to, q)}))`;
}

function condition(from: Column, to: Column, q: string): string {
  const textual = (c: Column): boolean => c.type === 'string' || c.type === 'text';
  if (textual(to)) return to.length === null ? '1 = 0' : `CHAR_LENGTH(CAST(${q} AS CHAR)) > ${to.length}`;
  if (textual(from)) return fromText(to, q);
  if (to.type === 'boolean') return from.type === 'boolean' ? '1 = 0' : `${q} NOT IN (0, 1)`;
  if (from.type === 'timestamp' && to.type === 'date') return `TIME(${q}) <> 0`;
  if (isIntegerType(to.type)) return `${q} <> ROUND(${q}) OR ${q} NOT BETWEEN ${RANGE[to.type]!.join(' AND ')}`;
  if (to.type === 'decimal') return `ABS(${q}) >= 1e${to.precision! - to.scale!} OR CAST(${q} AS DECIMAL(65,30)) <> CAST(${q} AS DECIMAL(65,${to.scale}))`;
  if (to.type === 'double' && from.type !== 'double') return `CAST(${q} AS DECIMAL(65,30)) <> CAST(CAST(${q} AS DOUBLE) AS DECIMAL(65,30))`;
  if (to.type === 'float' && from.type !== 'float') return isIntegerType(from.type) ? `ABS(${q}) > 16777216` : `CAST(${q} AS DOUBLE) <> CAST(CAST(${q} AS FLOAT) AS DOUBLE)`;
  return '1 = 0';
}

function fromText(to: Column, q: string): string {
  switch (to.type) {
    case 'smallint': case 'integer': case 'bigint': return `${q} NOT REGEXP '^(0|-?[1-9][0-9]{0,18})$' OR CAST(${q} AS DECIMAL(65,0)) NOT BETWEEN ${RANGE[to.type]!.join(' AND ')}`;
    case 'decimal': return `${q} NOT REGEXP '^-?(0|[1-9][0-9]{0,37})([.][0-9]+)?$' OR CAST(CAST(${q} AS DECIMAL(${to.precision},${to.scale})) AS CHAR) <> ${q}`;
    case 'float': case 'double': return `${q} NOT REGEXP '^-?(0|[1-9][0-9]*)([.][0-9]+)?(e[+-]?[0-9]+)?$' OR CAST(CAST(${q} AS ${to.type.toUpperCase()}) AS CHAR) <> ${q}`;
    case 'uuid': return `${q} NOT REGEXP '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'`;
    case 'json': return `NOT JSON_VALID(${q})`;
    case 'date': return `${q} NOT REGEXP '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' OR CAST(${q} AS DATE) IS NULL`;
    case 'time': return `${q} NOT REGEXP '^([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?$'`;
    case 'timestamp': return `${q} NOT REGEXP '^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?$' OR CAST(${q} AS DATETIME(6)) IS NULL`;
    default: return '1 = 0';
  }
}
