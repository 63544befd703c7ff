import { z } from 'zod';
import { COLUMN_TYPES, isIntegerType, type ColumnType, type PortableType } from './column-types.js';
import { MAX_STRING, type Column } from './column.js';
import { fitDefault, jsonFits, LONGEST_DEFAULT } from './defaults.js';
import type { Json } from './json.js';
import { knownNameSchema, nameSchema } from './names.js';

const ALIASES: Record<string, PortableType> = {
  int: 'integer',
  varchar: 'string',
  datetime: 'timestamp',
  jsonb: 'json',
  numeric: 'decimal',
  bool: 'boolean',
};

const typeSchema = z
  .string()
  .transform((type, ctx): PortableType => {
    const known =
      COLUMN_TYPES.find((portable) => portable === type) ?? (Object.hasOwn(ALIASES, type) ? ALIASES[type] : undefined);
    if (known !== undefined) return known;
    ctx.addIssue({ code: 'custom', message: `must be one of ${COLUMN_TYPES.join(', ')}` });
    return z.NEVER;
  })
  .meta({ enum: [...COLUMN_TYPES, ...Object.keys(ALIASES)] });

/**
 * Any JSON, which is what the parser of the body gives; not looked into but for its size. `z.json()` would try each
 * kind for each
 * value and stop everybody else for seconds over a long list.
 */
const defaultSchema = z
  .custom<Json>((value) => value !== undefined, { error: 'must be JSON', abort: true })
  .refine((value) => jsonFits(value, LONGEST_DEFAULT), `must have at most ${LONGEST_DEFAULT} characters as JSON`)
  .meta({
    anyOf: [
      { type: 'string' },
      { type: 'number' },
      { type: 'boolean' },
      { type: 'null' },
      { type: 'array' },
      { type: 'object' },
    ],
  });

const fields = {
  name: nameSchema,
  type: typeSchema,
  length: z.int().min(1).max(MAX_STRING),
  precision: z.int().min(1).max(38),
  scale: z.int().min(0).max(30),
  nullable: z.boolean(),
  default: defaultSchema,
  primary_key: z.boolean(),
  generated: z.boolean(),
  unique: z.boolean(),
};

/** A whole column, as in `POST /table/create`; the output is normalised: aliases, lengths and defaults resolved. */
export const columnSchema = z
  .strictObject({
    name: fields.name,
    type: fields.type,
    length: fields.length.optional(),
    precision: fields.precision.optional(),
    scale: fields.scale.optional(),
    nullable: fields.nullable.optional(),
    default: fields.default.optional(),
    primary_key: fields.primary_key.optional(),
    generated: fields.generated.optional(),
    unique: fields.unique.optional(),
  })
  .transform((input, ctx): Column => {
    const { column, problems } = completeColumn(input);
    for (const problem of problems) ctx.addIssue({ code: 'custom', path: [problem.path], message: problem.message });
    return column;
  });

/**
 * One entry of `POST /table/column`; `name` is checked by the rule for new names where it adds a column. Add, alter,
 * rename or drop is told by what is there and by what the table has (libs/tables).
 */
export const columnChangeSchema = z.strictObject({
  name: knownNameSchema,
  rename_to: nameSchema.optional(),
  type: fields.type.optional(),
  length: fields.length.optional(),
  precision: fields.precision.optional(),
  scale: fields.scale.optional(),
  nullable: fields.nullable.optional(),
  default: fields.default.optional(),
  primary_key: fields.primary_key.optional(),
  generated: fields.generated.optional(),
  unique: fields.unique.optional(),
});
export type ColumnChange = z.output<typeof columnChangeSchema>;

export interface Problem {
  path: string;
  message: string;
}
export type ColumnInput = { name: string; type: ColumnType } & Partial<
  Omit<Column, 'name' | 'type' | 'length' | 'precision' | 'scale'>
> & { length?: number | null; precision?: number | null; scale?: number | null };

function decimalSize(input: ColumnInput): { precision: number; scale: number } {
  const precision = input.precision ?? 10;
  return { precision, scale: input.scale ?? Math.min(2, precision) };
}

/** Fills in what was not said and lists everything that does not fit together. */
export function completeColumn(input: ColumnInput): { column: Column; problems: Problem[] } {
  const problems: Problem[] = [];
  const refuse = (path: string, message: string): void => {
    problems.push({ path, message });
  };
  const { type } = input;
  if (input.length != null && type !== 'string') refuse('length', `does not belong to ${type}`);
  if (input.precision != null && type !== 'decimal') refuse('precision', `does not belong to ${type}`);
  if (input.scale != null && type !== 'decimal') refuse('scale', `does not belong to ${type}`);
  const { precision, scale } = type === 'decimal' ? decimalSize(input) : { precision: null, scale: null };
  if (scale !== null && scale > precision) refuse('scale', 'must not exceed precision');
  const primaryKey = input.primary_key ?? false;
  const generated = input.generated ?? false;
  if (primaryKey && input.nullable === true) refuse('nullable', 'a primary key cannot be null');
  if (generated && !isIntegerType(type)) refuse('generated', `needs an integer type, not ${type}`);
  if (generated && !primaryKey) refuse('generated', 'needs primary_key: true');
  if (generated && input.default != null) refuse('default', 'a generated column has no default');
  const column: Column = {
    name: input.name,
    type,
    length: type === 'string' ? (input.length ?? 255) : null,
    precision,
    scale,
    nullable: primaryKey ? false : (input.nullable ?? true),
    default: null,
    primary_key: primaryKey,
    generated,
    unique: input.unique ?? false,
  };
  if (input.default != null && problems.length === 0) {
    const fitted = fitDefault(column, input.default);
    if ('problem' in fitted) refuse('default', fitted.problem);
    else column.default = fitted.value;
  }
  return { column, problems };
}
