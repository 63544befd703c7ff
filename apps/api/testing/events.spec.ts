import { beforeAll, expect, test } from '@jest/globals';
import { fileURLToPath } from 'node:url';
import { dataSchemaOf, type EventSchema, type StoredEvent } from '#event-store';
import { addGoldens } from '../../../libs/event-store/testing/golden.js';
import { sagaEventSchemas } from '#sagas';
import { databaseEventSchemas, tableEventSchemas } from '#tables';
import { calls } from '../src/docs/calls.js';
import { BEGINS, CHANGES } from './events-page.js';
import { live, type Lived } from './lived.js';

const SCHEMAS: Record<string, Readonly<Record<string, EventSchema>>> = {
  table: tableEventSchemas,
  saga: sagaEventSchemas,
  database: databaseEventSchemas,
};
let lived: Lived;

beforeAll(async () => {
  lived = await live();
  // Events that a real run has just appended: the golden files of types and versions that had none.
  if (process.env['UPDATE_GOLDEN'] === '1') {
    const { events, main, stuck } = lived;
    const best = [...events].sort(
      (a, b) =>
        Number([`table-${main}`, `saga-${stuck}`].includes(b.stream)) -
          Number([`table-${main}`, `saga-${stuck}`].includes(a.stream)) || a.position - b.position,
    );
    await addGoldens(
      folder('sagas'),
      best.filter((e) => e.stream.startsWith('saga-')),
    );
    await addGoldens(
      folder('tables'),
      best.filter((e) => !e.stream.startsWith('saga-')),
    );
  }
}, 180_000);

function folder(lib: string): string {
  return fileURLToPath(new URL(`../../../libs/${lib}/testing/golden`, import.meta.url));
}
function kindOf(event: StoredEvent): string {
  return event.stream.slice(0, event.stream.indexOf('-'));
}

test('every event that was appended is what its schema says, at the version in which it is appended today', () => {
  for (const event of lived.events) {
    const schemas = SCHEMAS[kindOf(event)]!;
    const read = dataSchemaOf(schemas, event.type, event.schema_version)?.safeParse(event.data);
    expect({
      type: event.type,
      version: event.schema_version,
      problems: read?.error?.issues ?? (read === undefined ? 'no schema' : []),
      data: event.data,
    }).toEqual({ type: event.type, version: schemas[event.type]!.version, problems: [], data: read?.data });
  }
});

test('the run has seen every type of event that there is', () => {
  expect([...new Set(lived.events.map((e) => `${kindOf(e)} ${e.type}`))].sort()).toEqual(
    Object.entries(SCHEMAS)
      .flatMap(([kind, schemas]) => Object.keys(schemas).map((type) => `${kind} ${type}`))
      .sort(),
  );
});

test('each command begins with the event that docs/events.md draws', () => {
  const seen = new Set<string>();
  for (const { method, path, request_id } of lived.commands.filter(
    (command) => command.outcome === 'accepted' && command.status < 300,
  )) {
    const call = calls.find(
      (one) =>
        one.method === method.toLowerCase() && new RegExp(`^${one.path.replace(/\{\w+\}/g, '[^/]+')}$`).test(path),
    )!;
    const first = lived.events.find((event) => event.metadata.correlation_id === request_id);
    seen.add(`${call.id} ${first?.type}`);
  }
  expect([...seen].sort()).toEqual(
    Object.entries(BEGINS)
      .map(([id, type]) => `${id} ${type}`)
      .sort(),
  );
});

test('each kind of change is asked by, and ends in, the events that docs/events.md draws', () => {
  const seen = new Set<string>();
  for (const { data } of lived.events.filter((event) => event.type === 'SagaRequested')) {
    const { saga_id, kind } = data as { saga_id: string; kind: string };
    const own = lived.events
      .filter((event) => kindOf(event) === 'table' && (event.data as { saga_id: string }).saga_id === saga_id)
      .map((event) => event.type);
    expect([kind, own.length]).toEqual([kind, 2]);
    if (own[1] !== 'ChangeRejected' && own[1] !== 'ChangeCompensated') seen.add(`${kind} ${own.join(' ')}`);
  }
  expect([...seen].sort()).toEqual(
    Object.entries(CHANGES)
      .map(([kind, { request, outcome }]) => `${kind} ${request} ${outcome}`)
      .sort(),
  );
});
