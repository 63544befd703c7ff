import { expect, test } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { asyncApi, STREAMS } from '../src/docs/asyncapi.js';
import { calls } from '../src/docs/calls.js';
import type { Schema } from '../src/docs/openapi.js';
import { ROOT } from './commands.js';
import { BEGINS, CHANGES, eventsPage } from './events-page.js';

const document = asyncApi();
const every = Object.entries(STREAMS).flatMap(([kind, { schemas }]) =>
  Object.keys(schemas).map((type) => ({ kind, type })),
);

async function isWritten(file: string, text: string): Promise<void> {
  if (process.env['UPDATE_DOCS'] === '1') await writeFile(join(ROOT, file), text);
  const lines = (await readFile(join(ROOT, file), 'utf8')).split('\n');
  const stale = text.split('\n').findIndex((line, i) => line !== lines[i]);
  const hint = `${file} is stale from line ${stale + 1} on: run this with UPDATE_DOCS=1`;
  expect(stale === -1 ? null : { hint, is: lines[stale], should: text.split('\n')[stale] }).toBeNull();
  expect(lines.join('\n')).toBe(text);
}

function at(ref: string): unknown {
  return ref
    .replace(/^#\//, '')
    .split('/')
    .reduce<unknown>(
      (part, key) => (part as Record<string, unknown> | undefined)?.[key.replaceAll('~1', '/').replaceAll('~0', '~')],
      document,
    );
}

test('docs/asyncapi.json says what the code does', async () => {
  await isWritten('docs/asyncapi.json', `${JSON.stringify(document, null, 2)}\n`);
});

test('docs/events.md says what the code does', async () => {
  await isWritten('docs/events.md', await eventsPage());
});

test('every command that is told of begins something, and every request is one of a kind of change', () => {
  // A rebuild and a rehearsal of an address are in no stream.
  const commands = calls
    .filter(
      (call) =>
        call.command ||
        (call.method !== 'get' && !['showTable', 'testDatabase', 'rebuildProjection'].includes(call.id)),
    )
    .map((call) => call.id);
  expect(Object.keys(BEGINS).sort()).toEqual(commands.sort());
  const known = [
    ...Object.values(CHANGES).flatMap(({ request, outcome }) => [request, outcome]),
    'ChangeRejected',
    'ChangeCompensated',
  ];
  expect([...new Set(known)].sort()).toEqual(Object.keys(STREAMS.table.schemas).sort());
});

test('every reference leads somewhere, and nothing is there that none leads to', () => {
  const refs = new Set([...JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g)].map((m) => m[1]!));
  expect(refs.size).toBeGreaterThan(100);
  for (const ref of refs) expect([ref, /^#\//.test(ref), at(ref) !== undefined]).toEqual([ref, true, true]);
  for (const part of ['messages', 'schemas'] as const)
    for (const name of Object.keys(document.components[part]))
      expect([name, refs.has(`#/components/${part}/${name}`)]).toEqual([name, true]);
  expect(JSON.stringify(document)).not.toMatch(/"\$(id|schema|defs)":|__shared/);
});

test('it has the shape that AsyncAPI 3.0 asks for', () => {
  const ref = z.strictObject({ $ref: z.string() });
  const text = z.string().min(1);
  const channel = z.strictObject({
    address: text,
    title: text,
    description: text,
    servers: z.array(ref).min(1),
    parameters: z.record(z.string(), z.strictObject({ description: text })).optional(),
    messages: z.record(z.string().regex(/^[\w.-]+$/), ref),
  });
  const message = z.strictObject({
    name: text,
    title: text,
    summary: text,
    contentType: z.literal('application/json'),
    payload: ref,
  });
  const binding = z.strictObject({
    http: z.strictObject({
      method: z.literal('GET'),
      query: z
        .looseObject({ type: z.literal('object'), properties: z.record(z.string(), z.looseObject({})) })
        .optional(),
      bindingVersion: z.literal('0.3.0'),
    }),
  });
  const operation = z.strictObject({
    action: z.enum(['send', 'receive']),
    title: text,
    summary: text,
    channel: ref,
    messages: z.array(ref).min(1),
    bindings: binding.optional(),
  });
  const server = z.strictObject({
    host: text,
    protocol: z.literal('http'),
    description: text,
    variables: z.record(z.string(), z.strictObject({ default: text, description: text })),
  });
  const read = z
    .strictObject({
      asyncapi: z.literal('3.0.0'),
      info: z.strictObject({ title: text, version: text, description: text }),
      defaultContentType: z.literal('application/json'),
      servers: z.record(z.string(), server),
      channels: z.record(z.string(), channel),
      operations: z.record(z.string(), operation),
      components: z.strictObject({
        messages: z.record(z.string(), message),
        schemas: z.record(z.string(), z.looseObject({})),
      }),
    })
    .safeParse(JSON.parse(JSON.stringify(document)));
  expect(read.error?.issues ?? []).toEqual([]);
  for (const { address, parameters } of Object.values(document.channels))
    expect(Object.keys(parameters ?? {}).map((name) => `{${name}}`)).toEqual(address.match(/\{\w+\}/g) ?? []);
  for (const [name, { channel: on, messages }] of Object.entries(document.operations))
    for (const { $ref } of messages) expect([name, $ref.startsWith(`${on.$ref}/messages/`)]).toEqual([name, true]);
  for (const { host, variables } of Object.values(document.servers))
    expect(Object.keys(variables).map((name) => `{${name}}`)).toEqual(host.match(/\{\w+\}/g));
  // What is followed live is a call that there is.
  for (const name of ['events', 'sagaEvents'])
    expect(calls.map((call) => call.path)).toContain(document.channels[name]!.address.replace('{saga_id}', '{id}'));
});

test('every event is there, in its stream and live, and its payload takes a real one and no other', async () => {
  for (const { kind, type } of every) {
    for (const name of [kind, 'events', ...(kind === 'saga' ? ['sagaEvents'] : [])])
      expect([type, name, document.channels[name]!.messages[type]]).toEqual([
        type,
        name,
        { $ref: `#/components/messages/${type}` },
      ]);
    const { payload } = document.components.messages[type]!;
    const schema = JSON.parse(
      JSON.stringify({ ...payload, $defs: document.components.schemas }).replaceAll(
        '#/components/schemas/',
        '#/$defs/',
      ),
    ) as Parameters<typeof z.fromJSONSchema>[0];
    const event = JSON.parse(
      await readFile(join(ROOT, `libs/${kind === 'saga' ? 'sagas' : 'tables'}/testing/golden/${type}.v1.json`), 'utf8'),
    ) as { data: object };
    const taken = z.fromJSONSchema(schema);
    expect([type, taken.safeParse(event).error?.issues ?? []]).toEqual([type, []]);
    for (const wrong of [
      { ...event, type: 'Other' },
      { ...event, schema_version: 99 },
      { ...event, stream: 'other-1' },
      { ...event, data: { ...event.data, more: 1 } },
      { ...event, hash: undefined },
    ])
      expect([type, taken.safeParse(wrong).success]).toEqual([type, false]);
  }
  expect(Object.keys(document.components.messages).sort()).toEqual(every.map(({ type }) => type).sort());
  expect((at('#/components/schemas/TableCreated') as Schema).properties!['data']).toMatchObject({
    additionalProperties: false,
  });
});
