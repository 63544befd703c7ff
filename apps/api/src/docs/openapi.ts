import { z } from 'zod';
import { columnChangeSchema, columnSchema, connectionSchema } from '#byodb';
import { STATUS, type ApiCode } from '../http/api-error.js';
import { named } from './answers.js';
import type { Call } from '../http/call.js';
import { toldOf } from '../http/input.js';
import { Accepted, AcceptedTables, Completed, CompletedTables, Plan } from '../tables/commands.answers.js';
import { calls, type NamedCall, type Tag } from './calls.js';

export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  enum?: unknown[];
  const?: unknown;
  description?: string;
  default?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  additionalProperties?: boolean | Schema;
  $defs?: Record<string, Schema>;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
}
export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required: boolean;
  description?: string;
  schema: Schema;
}
export type Content = Record<string, { schema: Schema; example?: object }>;
export interface Answer {
  description: string;
  headers?: Record<string, { description: string; schema: Schema }>;
  content?: Content;
}
export interface Operation {
  operationId: string;
  tags: Tag[];
  summary: string;
  parameters: Parameter[];
  requestBody?: { required: true; content: Content };
  responses: Record<string, Answer>;
}
export interface OpenApi {
  openapi: '3.1.0';
  info: { title: string; version: string; description: string };
  servers: { url: string }[];
  tags: { name: Tag; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

const TAGS: Record<Tag, string> = {
  tables: 'What a table is and what is to become of it',
  sagas: 'The runs that carry changes out',
  databases: "Customers' databases",
  log: 'Everything that happened, and how it can be trusted',
  operating: 'Health, metrics and this contract',
};
export const REF = '#/components/schemas/';

/** What stands under components and is referred to; all else stands where it is used. */
const COMPONENTS: Record<string, z.ZodType> = {
  ...named,
  NewColumn: columnSchema,
  ColumnChange: columnChangeSchema,
  Connection: connectionSchema,
  Json: columnChangeSchema.shape.default.unwrap(),
};

/** Made from the very schemas that check the requests. */
export function openApi(): OpenApi {
  const paths: OpenApi['paths'] = {};
  for (const call of calls) (paths[call.path] ??= {})[call.method] = operation(call);
  return {
    openapi: '3.1.0',
    info: {
      title: 'schemasaga',
      version: '0.1.0',
      description: 'Changes the schemas of many databases as one: every one of them, or none.',
    },
    servers: [{ url: '/' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name: name as Tag, description })),
    paths,
    components: { schemas: convert(COMPONENTS) },
  };
}

/** Each schema by its name, with references to the others. */
export function convert(schemas: Record<string, z.ZodType>): Record<string, Schema> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(schemas)) registry.add(schema, { id });
  const made = z.toJSONSchema(registry, { uri: (id) => REF + id, io: 'input', unrepresentable: 'any' });
  return Object.fromEntries(
    Object.entries(made.schemas).map(([id, { $schema: _schema, $id: _id, ...schema }]) => [id, schema as Schema]),
  );
}

function schemaOf(schema: z.ZodType): Schema {
  const name = Object.keys(COMPONENTS).find((id) => COMPONENTS[id] === schema);
  return name === undefined ? convert({ ...COMPONENTS, own: schema })['own']! : { $ref: REF + name };
}

const text = (description: string): { description: string; schema: Schema } => ({
  description,
  schema: { type: 'string' },
});
const REQUEST_ID = {
  'X-Request-Id': { description: 'Id of this request, as in the log', schema: { type: 'string', format: 'uuid' } },
};
const LOCATION = { Location: text('/sagas/{saga_id}') };
const ETAG = { ETag: text('The version of the table, in quotes') };
const REPLAYED = {
  'Idempotent-Replayed': {
    description: 'Present when this answers a repeated Idempotency-Key',
    schema: { const: 'true' },
  },
};
const RETRY_AFTER = { 'Retry-After': { description: 'Seconds', schema: { type: 'integer' } } };

const COMMAND_PARAMETERS: Parameter[] = [
  {
    name: 'dry_run',
    in: 'query',
    required: false,
    description: 'Answer with the plan; record and change nothing.',
    schema: { type: 'boolean', default: false },
  },
  {
    name: 'Prefer',
    in: 'header',
    required: false,
    description: '`wait=N`: hold the answer until the saga has ended, at most N seconds (60 at most).',
    schema: { type: 'string', pattern: 'wait=\\d+' },
  },
  {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    description: 'The same key with the same request gives the first answer again, for 24 hours.',
    schema: { type: 'string', minLength: 1, maxLength: 200 },
  },
  {
    name: 'If-Match',
    in: 'header',
    required: false,
    description: '`"V"`: refuse (412) unless the table is at version V.',
    schema: { type: 'string' },
  },
];

function operation(call: NamedCall): Operation {
  const parameters: Parameter[] = [...call.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name: name!,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  for (const [name, { description, ...rest }] of Object.entries(queryOf(call))) {
    parameters.push({
      name,
      in: 'query',
      required: false,
      ...(description === undefined ? {} : { description }),
      schema: rest,
    });
  }
  // A version to match is a table's.
  if (call.command)
    parameters.push(...COMMAND_PARAMETERS.filter(({ name }) => call.command === true || name !== 'If-Match'));
  return {
    operationId: call.id,
    tags: [call.tag],
    summary: call.summary,
    parameters,
    // A body that may be left out holds nothing.
    ...(call.body === undefined || call.body.safeParse(undefined).success
      ? {}
      : {
          requestBody: {
            required: true,
            content: {
              'application/json': {
                schema: schemaOf(call.body),
                ...(call.example === undefined ? {} : { example: call.example }),
              },
            },
          },
        }),
    responses: {
      ...(call.command ? commandAnswers(call) : {}),
      ...(call.answer === undefined || call.command ? {} : { [call.answer.status]: plainAnswer(call.answer) }),
      ...problems(call.problems),
    },
  };
}

/** What may be asked, by name. */
export function queryOf({ query }: Call): Record<string, Schema> {
  if (query === undefined || query === 'unread') return {};
  return Object.fromEntries(Object.entries(query.shape).map(([name, check]) => [name, schemaOf(toldOf(check))]));
}

/** `other`: what a call answers that is a command only with certain fields. */
function commandAnswers({ command, answer }: Call): Record<string, Answer> {
  const [other, accepted, completed] = [
    answer?.schema,
    ...(command === true ? [Accepted, Completed] : [AcceptedTables, CompletedTables]),
  ];
  return {
    200: {
      description: 'With `Prefer: wait`: the saga completed. With `dry_run`: the plan',
      headers: { ...REQUEST_ID, ...LOCATION, ...ETAG, ...REPLAYED },
      content: {
        'application/json': {
          schema: { oneOf: [schemaOf(completed!), schemaOf(Plan), ...(other === undefined ? [] : [schemaOf(other)])] },
        },
      },
    },
    202: {
      description: 'Accepted: its saga is at Location',
      headers: { ...REQUEST_ID, ...LOCATION, ...REPLAYED },
      content: { 'application/json': { schema: schemaOf(accepted!) } },
    },
  };
}

function plainAnswer(answer: NonNullable<Call['answer']>): Answer {
  const type = answer.type ?? 'application/json';
  const schema: Schema =
    answer.schema !== undefined ? schemaOf(answer.schema) : { type: type === 'application/json' ? 'object' : 'string' };
  return {
    description: answer.description,
    headers: { ...REQUEST_ID, ...(answer.etag ? ETAG : {}) },
    ...(answer.status === 204 ? {} : { content: { [type]: { schema } } }),
  };
}

/** One answer per status, with the codes that it can carry here. */
function problems(codes: ApiCode[]): Record<string, Answer> {
  const byStatus = new Map<number, ApiCode[]>();
  for (const code of [...codes, 'forbidden' as const, 'internal_error' as const])
    byStatus.set(STATUS[code], [...(byStatus.get(STATUS[code]) ?? []), code]);
  return Object.fromEntries(
    [...byStatus].map(([status, own]) => [
      status,
      {
        description: own.map((code) => `\`${code}\``).join(', '),
        headers: { ...REQUEST_ID, ...(status === 503 ? RETRY_AFTER : {}) },
        content: {
          'application/problem+json': {
            schema: {
              allOf: [
                schemaOf(named.Problem),
                { type: 'object', properties: { code: { type: 'string', enum: own } }, required: ['code'] },
              ],
            },
          },
        },
      },
    ]),
  );
}
