import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import {
  createEventStore,
  migrate,
  openCoreDatabase,
  sql,
  sqlName,
  type EventSchema,
  type StoredEvent,
} from '#event-store';
import type { SagaEvent } from '#sagas';
import type { Change, DatabaseEvent, TableEvent } from '#tables';
import { freshSqlite } from '../../../testing/fixtures.js';
import { STREAMS } from '../src/docs/asyncapi.js';
import { calls } from '../src/docs/calls.js';
import { keptBehind, keptInline } from '../src/read-models.js';
import { ROOT } from './commands.js';

/** What each kind of change is asked by and ends in, when it succeeds. events.spec.ts holds it against a real run. */
export const CHANGES: Record<Change['kind'], { request: TableEvent['type']; outcome: TableEvent['type'] }> = {
  'table.create': { request: 'TableCreationRequested', outcome: 'TableCreated' },
  'table.replay': { request: 'TableCreationRequested', outcome: 'TableCreated' },
  'table.rename': { request: 'TableRenameRequested', outcome: 'TableRenamed' },
  'table.drop': { request: 'TableDropRequested', outcome: 'TableDropped' },
  'table.restore': { request: 'TableRestoreRequested', outcome: 'TableRestored' },
  'table.revert': { request: 'TableRevertRequested', outcome: 'TableReverted' },
  'table.databases': { request: 'TableDatabasesRequested', outcome: 'TableDatabasesChanged' },
  'table.purge': { request: 'PurgeRequested', outcome: 'Purged' },
  'database.adopt': { request: 'TableAdoptionRequested', outcome: 'TableAdopted' },
  'database.catch_up': { request: 'CatchUpRequested', outcome: 'CaughtUp' },
  'drift.resolve': { request: 'DriftResolutionRequested', outcome: 'DriftResolved' },
  'column.add': { request: 'ColumnsChangeRequested', outcome: 'ColumnsChanged' },
  'column.drop': { request: 'ColumnsChangeRequested', outcome: 'ColumnsChanged' },
  'column.alter': { request: 'ColumnsChangeRequested', outcome: 'ColumnsChanged' },
  'column.rename': { request: 'ColumnsChangeRequested', outcome: 'ColumnsChanged' },
  'columns.change': { request: 'ColumnsChangeRequested', outcome: 'ColumnsChanged' },
  'index.create': { request: 'IndexesChangeRequested', outcome: 'IndexesChanged' },
  'index.drop': { request: 'IndexesChangeRequested', outcome: 'IndexesChanged' },
  'index.rename': { request: 'IndexesChangeRequested', outcome: 'IndexesChanged' },
  'indexes.change': { request: 'IndexesChangeRequested', outcome: 'IndexesChanged' },
};

/** The event that a call begins with, by the call's id; held against a real run too. */
export const BEGINS: Record<string, (TableEvent | SagaEvent | DatabaseEvent)['type']> = {
  createTable: 'TableCreationRequested',
  replayTable: 'TableCreationRequested',
  changeColumns: 'ColumnsChangeRequested',
  changeIndexes: 'IndexesChangeRequested',
  renameTable: 'TableRenameRequested',
  deleteTable: 'TableDropRequested',
  restoreTable: 'TableRestoreRequested',
  revertTable: 'TableRevertRequested',
  moveTable: 'TableDatabasesRequested',
  purgeTable: 'PurgeRequested',
  retrySaga: 'RetryRequested',
  abortSaga: 'AbortRequested',
  resolveSaga: 'StepResolved',
  registerDatabase: 'DatabaseRegistered',
  changeDatabase: 'DatabaseAddressChanged',
  deleteDatabase: 'DatabaseRemoved',
  forgetDatabase: 'DatabaseRemoved',
  adoptTables: 'TableAdoptionRequested',
  catchUpDatabase: 'CatchUpRequested',
  resolveDrift: 'DriftResolutionRequested',
};

/** Which streams a read model is kept from: those whose first golden event leaves a row in it. */
async function feeds(): Promise<{ name: string; streams: string[] }[]> {
  const first = {
    table: 'tables/testing/golden/TableCreationRequested.v1.json',
    saga: 'sagas/testing/golden/SagaRequested.v1.json',
    database: 'tables/testing/golden/DatabaseRegistered.v1.json',
  };
  const fed: { name: string; streams: Set<string> }[] = [];
  for (const [kind, file] of Object.entries(first)) {
    const { type, schema_version, data, stream } = JSON.parse(
      await readFile(join(ROOT, 'libs', file), 'utf8'),
    ) as StoredEvent;
    const fresh = await freshSqlite();
    const core = await openCoreDatabase(fresh.url);
    await migrate(core);
    const store = createEventStore(core, { projections: keptInline.map(({ projection }) => projection) });
    const events = await store.append([{ stream, expectedVersion: 0, events: [{ type, schema_version, data }] }], {
      correlation_id: 'page',
      causation_id: null,
      actor: 'page',
    });
    for (const { projection, tables, behind } of [...keptInline, ...keptBehind(store)]) {
      if (behind === true) await core.transaction((tx) => projection.apply(tx, events));
      const model = fed.find(({ name }) => name === projection.name) ?? {
        name: projection.name,
        streams: new Set<string>(),
      };
      if (!fed.includes(model)) fed.push(model);
      const rows = await Promise.all(tables.map((table) => core.query(sql`select 1 as found from ${sqlName(table)}`)));
      if (rows.flat().length > 0) model.streams.add(kind);
    }
    await core.close();
    await fresh.drop();
  }
  return fed.map(({ name, streams }) => ({ name, streams: [...streams] }));
}

const nodeOf = (id: string): string => id.replaceAll(/\W/g, '_');
const unique = <T>(all: T[]): T[] => [...new Set(all)];

async function diagram(): Promise<string> {
  const kinds = Object.entries(CHANGES);
  const requests = unique(kinds.map(([, { request }]) => request));
  const outcomes = unique(kinds.map(([, { outcome }]) => outcome));
  const others = unique(Object.values(BEGINS)).filter((type) => !(requests as string[]).includes(type));
  const models = await feeds();
  const box = (id: string, title: string, nodes: string[]): string[] => [
    `  subgraph ${id}["${title}"]`,
    ...nodes.map((node) => `    ${node}`),
    '  end',
  ];
  const call = (id: string): { method: string; path: string } => calls.find((one) => one.id === id)!;
  const from = {
    table: ['requests', 'outcomes'],
    saga: ['sagas', ...others.filter((type) => Object.hasOwn(STREAMS.saga.schemas, type))],
    database: others.filter((type) => Object.hasOwn(STREAMS.database.schemas, type)),
  };
  return [
    'flowchart LR',
    ...box('commands', 'commands', [
      ...Object.keys(BEGINS).map((id) => `${id}["${call(id).method.toUpperCase()} ${call(id).path}"]`),
      'purger["retention time over"]',
    ]),
    ...box('requests', 'events: what was asked', requests),
    ...box(
      'sagas',
      'sagas',
      kinds.map(([kind]) => `${nodeOf(`saga ${kind}`)}(["${kind}"])`),
    ),
    ...box('outcomes', 'events: what came of it', [...outcomes, 'ChangeRejected', 'ChangeCompensated']),
    ...others.map((type) => `  ${type}`),
    ...box(
      'models',
      'read models',
      models.map(({ name }) => `${nodeOf(`model ${name}`)}[("${name}")]`),
    ),
    ...Object.entries(BEGINS).map(([id, type]) => `  ${id} --> ${type}`),
    '  purger --> PurgeRequested',
    ...kinds.flatMap(([kind, { request, outcome }]) => [
      `  ${request} --> ${nodeOf(`saga ${kind}`)}`,
      `  ${nodeOf(`saga ${kind}`)} --> ${outcome}`,
    ]),
    '  sagas -- "nothing was touched" --> ChangeRejected',
    '  sagas -- "undone everywhere" --> ChangeCompensated',
    ...others.filter((type) => Object.hasOwn(STREAMS.saga.schemas, type)).map((type) => `  ${type} --> sagas`),
    ...models.flatMap(({ name, streams }) =>
      streams
        .flatMap((kind) => from[kind as keyof typeof from])
        .map((source) => `  ${source} -.-> ${nodeOf(`model ${name}`)}`),
    ),
  ].join('\n');
}

function fieldsOf(data: EventSchema['data']): string {
  const { properties = {}, required = [] } = z.toJSONSchema(data, { unrepresentable: 'any' });
  return (
    Object.keys(properties)
      .map((name) => `\`${name}${required.includes(name) ? '' : '?'}\``)
      .join(' ') || 'nothing'
  );
}

/** docs/events.md. */
export async function eventsPage(): Promise<string> {
  const tables = Object.entries(STREAMS).map(
    ([kind, { schemas, of }]) => `## Streams \`${kind}-{id}\`

${of}

| event | version | | data |
| --- | --- | --- | --- |
${Object.entries(schemas)
  .map(([type, { version, tells, data }]) => `| \`${type}\` | ${version} | ${tells} | ${fieldsOf(data)} |`)
  .join('\n')}
`,
  );
  return `# Events

Everything that happens is an event; what a call shows is made from them. Their schemas stand beside their types, in \
\`libs/tables/src/changes/\`, \`libs/tables/src/databases/events.ts\` and \`libs/sagas/src/event-schemas.ts\`; as a document for programs they are \
[AsyncAPI 3.0](asyncapi.json), which the service gives at \`/asyncapi.json\`. Made from the code by \
\`apps/api/testing/asyncapi.spec.ts\`, which fails when this page is stale; \`UPDATE_DOCS=1 npm run jest -- \
apps/api/testing/asyncapi.spec.ts\` writes it anew.

What a released event means never changes: each type and version has a golden file from a real run, in \
\`libs/tables/testing/golden/\` and \`libs/sagas/testing/golden/\`, that today's code must read as it always did.

## From a command to what is shown

A command is an event and a saga in one commit; the saga's end and what came of it are one commit too. Dotted: what \
a read model is kept from.

\`\`\`mermaid
${await diagram()}
\`\`\`

## The envelope

Every event has, beside its \`type\`, \`schema_version\` and \`data\`: \`event_id\` (UUIDv7), \`position\` (its \
place in the whole log), \`stream\` and \`version\` (its place in that stream, from 1), \`metadata\` \
(\`correlation_id\`: the request; \`causation_id\`: the event that it follows from; \`actor\`), \`recorded_at\` and \
\`hash\` (over its content and the hash of the event before it in its stream). A \`?\` stands behind a field that \
may be missing.

${tables.join('\n')}`;
}
