import { beforeAll, expect, test } from '@jest/globals';
import { fileURLToPath } from 'node:url';
import { dataSchemaOf, type EventSchema, type StoredEvent } from '../../../libs/event-store/src/index.js';
import { addGoldens } from '../../../libs/event-store/testing/golden.js';
import { sagaEventSchemas } from '../../../libs/sagas/src/index.js';
import { databaseEventSchemas, tableEventSchemas } from '../../../libs/tables/src/index.js';
import { live, type Lived } from './lived.js';

const SCHEMAS: Record<string, Readonly<Record<string, EventSchema>>> = { table: tableEventSchemas, saga: sagaEventSchemas, database: databaseEventSchemas };
let lived: Lived;

beforeAll(async () => {
  lived = await live();
  // Events that a real run has just appended: the golden files of types and versions that had none.
  if (process.env['UPDATE_GOLDEN'] === '1') {
    const { events, main, stuck } = lived;
    const best = [...events].sort((a, b) => Number([`table-${main}`, `saga-${stuck}`].includes(b.stream)) - Number([`table-${main}`, `saga-${stuck}`].includes(a.stream)) || a.position - b.position);
    await addGoldens(folder('sagas'), best.filter((e) => e.stream.startsWith('saga-')));
    await addGoldens(folder('tables'), best.filter((e) => !e.stream.startsWith('saga-')));
  }
}, 180_000);

function folder(lib: string): string { return fileURLToPath(new URL(`../../../libs/${lib}/testing/golden`, import.meta.url)); }
function kindOf(event: StoredEvent): string { return event.stream.slice(0, event.stream.indexOf('-')); }

test('every event that was appended is what its schema says, at the version in which it is appended today', () => {
  for (const event of lived.events) {
    const schemas = SCHEMAS[kindOf(event)]!;
    const read = dataSchemaOf(schemas, event.type, event.schema_version)?.safeParse(event.data);
    expect({ type: event.type, version: event.schema_version, problems: read?.error?.issues ?? (read === undefined ? 'no schema' : []), data: event.data }).toEqual({ type: event.type, version: schemas[event.type]!.version, problems: [], data: read?.data });
  }
});

test('the run has seen every type of event that there is', () => {
  expect([...new Set(lived.events.map((e) => `${kindOf(e)} ${e.type}`))].sort()).toEqual(Object.entries(SCHEMAS).flatMap(([kind, schemas]) => Object.keys(schemas).map((type) => `${kind} ${type}`)).sort());
});
