import { z } from 'zod';
import type { EventSchema } from '#event-store';
import { sagaEventParts, sagaEventSchemas } from '#sagas';
import { databaseEventSchemas, tableEventParts, tableEventSchemas } from '#tables';
import { logCalls } from '../log/log.calls.js';
import { Event } from '../log/log.answers.js';
import { convert, queryOf, REF, type Schema } from './openapi.js';

type Ref = { $ref: string };
export interface Message {
  name: string;
  title: string;
  summary: string;
  contentType: 'application/json';
  payload: Ref;
}
export interface Channel {
  address: string;
  title: string;
  description: string;
  servers: Ref[];
  parameters?: Record<string, { description: string }>;
  messages: Record<string, Ref>;
}
export interface Operation {
  action: 'send';
  title: string;
  summary: string;
  channel: Ref;
  messages: Ref[];
  bindings?: { http: { method: 'GET'; query?: Schema; bindingVersion: '0.3.0' } };
}
export interface AsyncApi {
  asyncapi: '3.0.0';
  info: { title: string; version: string; description: string };
  defaultContentType: 'application/json';
  servers: Record<
    string,
    {
      host: string;
      protocol: 'http';
      description: string;
      variables: Record<string, { default: string; description: string }>;
    }
  >;
  channels: Record<string, Channel>;
  operations: Record<string, Operation>;
  components: { messages: Record<string, Message>; schemas: Record<string, Schema> };
}

/** The kinds of streams, by what stands before the id in a stream's name. */
export const STREAMS: Record<
  'table' | 'saga' | 'database',
  { schemas: Readonly<Record<string, EventSchema>>; of: string }
> = {
  table: { schemas: tableEventSchemas, of: 'One table: what was asked of it, and what came of it.' },
  saga: {
    schemas: sagaEventSchemas,
    of: 'One run that carries a change out: every intent before it, every outcome after it.',
  },
  database: { schemas: databaseEventSchemas, of: "One of the customers' databases: that it is known here." },
};

/** Everything that is stored, each in all of its released versions; the one of today has the plain name. */
function released(): { id: string; kind: string; type: string; tells: string; envelope: z.ZodType }[] {
  return Object.entries(STREAMS).flatMap(([kind, { schemas }]) =>
    Object.entries(schemas).flatMap(([type, { version, tells, data, before = {} }]) => {
      const all = [
        { version, data },
        ...Object.entries(before).map(([v, earlier]) => ({ version: Number(v), data: earlier })),
      ];
      return all.map((one) => ({
        id: one.version === version ? type : `${type}_v${one.version}`,
        kind,
        type,
        tells: one.version === version ? tells : `${tells} As it was stored before version ${version}.`,
        envelope: Event.extend({
          stream: z.string().regex(new RegExp(`^${kind}-`)),
          type: z.literal(type),
          schema_version: z.literal(one.version),
          data: one.data,
        }),
      }));
    }),
  );
}

/** The events as others meet them: in the log, and live. Made from the schemas of the events. */
export function asyncApi(): AsyncApi {
  const events = released();
  const server = [{ $ref: '#/servers/service' }];
  const messages = (kind?: string): Record<string, Ref> =>
    Object.fromEntries(
      events
        .filter((e) => kind === undefined || e.kind === kind)
        .map(({ id }) => [id, { $ref: `#/components/messages/${id}` }]),
    );
  const channels: Record<string, Channel> = {
    ...Object.fromEntries(
      Object.entries(STREAMS).map(([kind, { of }]) => [
        kind,
        {
          address: `${kind}-{${kind}_id}`,
          title: `${kind} stream`,
          description:
            `${of} A stream in the log: read with \`GET /events?stream=${kind}-…\`, live with \`GET ` +
            `/events/stream?stream=${kind}-…\`. In it \`version\` counts from 1 without a gap.`,
          servers: server,
          parameters: { [`${kind}_id`]: { description: `Id of the ${kind}.` } },
          messages: messages(kind),
        },
      ]),
    ),
    events: {
      address: '/events/stream',
      title: 'Everything, live',
      description:
        'Server-sent events after a position: `id` is the position, `event` the type, `data` the event as ' +
        'JSON. `Last-Event-ID` resumes; nothing is skipped. A line that starts with a colon says that the ' +
        'service is still there.',
      servers: server,
      messages: messages(),
    },
    sagaEvents: {
      address: '/sagas/{saga_id}/events',
      title: 'One saga, live',
      description:
        'Server-sent events, with `Accept: text/event-stream`: those of one saga from its first, until it ends.',
      servers: server,
      parameters: { saga_id: { description: 'Id of the saga.' } },
      messages: messages('saga'),
    },
  };
  return {
    asyncapi: '3.0.0',
    defaultContentType: 'application/json',
    info: {
      title: 'schemasaga',
      version: '0.1.0',
      description:
        'Every event that is stored, and where it can be met. `data` is as it was when the event was stored: ' +
        '`schema_version` tells in which form.',
    },
    servers: {
      service: {
        host: '{host}',
        protocol: 'http',
        description: 'The HTTP API',
        variables: { host: { default: '127.0.0.1:3000', description: 'Where it listens.' } },
      },
    },
    channels,
    operations: operations(channels),
    components: {
      messages: Object.fromEntries(
        events.map(({ id, type, tells }) => [
          id,
          { name: id, title: type, summary: tells, contentType: 'application/json', payload: { $ref: REF + id } },
        ]),
      ),
      schemas: convert({
        ...tableEventParts,
        ...sagaEventParts,
        ...Object.fromEntries(events.map(({ id, envelope }) => [id, envelope])),
      }),
    },
  };
}

function operations(channels: AsyncApi['channels']): Record<string, Operation> {
  const send = (channel: string, title: string, summary: string): Operation => ({
    action: 'send',
    title,
    summary,
    channel: { $ref: `#/channels/${channel}` },
    messages: Object.keys(channels[channel]!.messages).map((id) => ({ $ref: `#/channels/${channel}/messages/${id}` })),
  });
  return {
    ...Object.fromEntries(
      Object.keys(STREAMS).map((kind) => [
        `append${kind[0]!.toUpperCase()}${kind.slice(1)}Event`,
        send(kind, `Append to a ${kind} stream`, `What becomes of a ${kind} is appended to its stream.`),
      ]),
    ),
    streamEvents: {
      ...send('events', 'Follow the log', 'Every event from a position on, as it is appended.'),
      bindings: {
        http: {
          method: 'GET',
          query: { type: 'object', properties: queryOf(logCalls.streamEvents) },
          bindingVersion: '0.3.0',
        },
      },
    },
    streamSagaEvents: {
      ...send('sagaEvents', 'Follow one saga', 'The events of one saga until it has ended.'),
      bindings: { http: { method: 'GET', bindingVersion: '0.3.0' } },
    },
  };
}
