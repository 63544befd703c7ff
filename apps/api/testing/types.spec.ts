import { expect, test } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import {
  COLUMN_TYPES,
  completeColumn,
  convertible,
  ENGINE_NAMES,
  engineOf,
  type Column,
  type ColumnInput,
  type EngineName,
} from '#byodb';

const FILE = fileURLToPath(new URL('../../../docs/types.md', import.meta.url));
const ENGINES: Record<EngineName, string> = { postgres: 'PostgreSQL', mysql: 'MySQL, MariaDB', sqlite: 'SQLite' };
const OWNER = '00000000-0000-7000-8000-000000000000';

const DEFAULTS: Omit<ColumnInput, 'name'>[] = [
  { type: 'integer', default: 7 },
  { type: 'bigint', default: '9007199254740993' },
  { type: 'decimal', default: '1.5' },
  { type: 'double', default: 0.1 },
  { type: 'boolean', default: true },
  { type: 'string', default: 'new' },
  { type: 'text', default: 'new' },
  { type: 'uuid', default: '6f1c1a52-9d6e-4b7c-8d53-0c2f6f0a7b11' },
  { type: 'date', default: '2030-01-31' },
  { type: 'time', default: '12:30:00' },
  { type: 'timestamp', default: '2030-01-31T12:30:00Z' },
  { type: 'json', default: { a: 1 } },
  { type: 'date', default: { function: 'now' } },
  { type: 'time', default: { function: 'now' } },
  { type: 'timestamp', default: { function: 'now' } },
  { type: 'uuid', default: { function: 'uuid' } },
];

function complete(input: Omit<ColumnInput, 'name'>): Column {
  const { column, problems } = completeColumn({ name: 'c', ...input });
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  return column;
}

/** What the engine's own CREATE TABLE says of the column, behind its name. */
function definition(engine: EngineName, column: Column): string {
  const { ddl } = engineOf(engine);
  const [statement] = ddl.createTable('t', [column], OWNER, () => 'u').statements;
  const text = statement!.replaceAll(/\s+/g, ' ');
  const [, inside] = /^create table .t. ?\((.*)\)(?: ENGINE=.*)?$/i.exec(text)!;
  return inside!.trim().slice(ddl.quote('c').length).trim();
}

function typeCell(engine: EngineName, column: Column): string {
  const { native } = engineOf(engine).ddl.createTable('t', [column], OWNER, () => 'u').live!.columns[0]!;
  const note = engineOf(engine).note(column);
  return `${code(native)}${note === null ? '' : `<br>${note}`}`;
}

/** A bar would end the cell, a back-tick the code. */
function code(text: string): string {
  const fence = text.includes('`') ? '``' : '`';
  return `${fence}${text.replaceAll('|', '\\|')}${fence}`;
}

function table(head: string[], rows: string[][]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function shown(column: Column): string {
  return column.type === 'string'
    ? `string(${column.length})`
    : column.type === 'decimal'
      ? `decimal(${column.precision},${column.scale})`
      : column.type;
}

function page(): string {
  const engines = [...ENGINE_NAMES];
  const types = [
    ...COLUMN_TYPES.map((type) => complete({ type })),
    complete({ type: 'decimal', precision: 38, scale: 10 }),
  ];
  const defaults = DEFAULTS.map((input) => [
    `\`${input.type}\` \`${JSON.stringify(input.default)}\``,
    ...engines.map((engine) => code(/default (.*)$/i.exec(definition(engine, complete(input)))![1]!)),
  ]);
  const generated = complete({ type: 'integer', primary_key: true, generated: true });
  const key = ['`integer`, `primary_key`, `generated`', ...engines.map((e) => code(definition(e, generated)))];
  return `# Column types

What becomes of each portable type, default and generated key on each engine. Made from the code by \
\`apps/api/testing/types.spec.ts\`, which fails when this page is stale; \`UPDATE_DOCS=1 npm run jest -- \
apps/api/testing/types.spec.ts\` writes it anew.

## Types

\`string\` has length 255 unless given, \`decimal\` 10,2. Below a type stands what the engine cannot keep exactly, \
or keeps as something else; a dry run says the same of the table at hand (\`notes\`).

${table(
  ['type', ...engines.map((e) => ENGINES[e])],
  types.map((column) => [`\`${shown(column)}\``, ...engines.map((e) => typeCell(e, column))]),
)}

## Defaults

A \`binary\` column takes none.

${table(['type and default', ...engines.map((e) => ENGINES[e])], defaults)}

## Generated keys

${table(['column', ...engines.map((e) => ENGINES[e])], [key])}

## Conversions

What a type change is accepted for at all, on every engine alike. Whether each value survives is looked at in the \
rows; a change that would lose one is refused (\`lossy_conversion\`).

${table(
  ['from', 'to'],
  COLUMN_TYPES.map((from) => [
    `\`${from}\``,
    COLUMN_TYPES.filter((to) => to !== from && convertible(from, to))
      .map((to) => `\`${to}\``)
      .join(' ') || 'nothing else',
  ]),
)}
`;
}

test('docs/types.md says what the code does', async () => {
  if (process.env['UPDATE_DOCS'] === '1') await writeFile(FILE, page());
  expect(await readFile(FILE, 'utf8')).toBe(page());
});
