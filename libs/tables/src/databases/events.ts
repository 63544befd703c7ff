import { z } from 'zod';
import { noData, streamsOf } from '#event-store';
import { ENGINE_NAMES } from '#byodb';
import { defineEvent, Drift, lost, name, type EventOfDefinition } from '../table/event-parts.js';

const registered = defineEvent('DatabaseRegistered', {
  version: 1,
  tells: "A customer's database is known under this name; its address is in no event.",
  data: z.strictObject({
    name,
    engine: z.enum(ENGINE_NAMES),
    // From the service of that core, which gave it up.
    taken_over: z.strictObject({ core_id: name, reason: z.string() }).optional(),
  }),
});
const addressChanged = defineEvent('DatabaseAddressChanged', {
  version: 1,
  tells: 'The database is reached at another address, or with other credentials, from here on.',
  data: noData,
});
const driftDetected = defineEvent('DriftDetected', {
  version: 1,
  tells: 'A check found tables that are not what history says; `digest` tells this drift from another.',
  data: z.strictObject({ digest: z.string(), drift: z.array(Drift) }),
});
const driftEnded = defineEvent('DriftEnded', {
  version: 1,
  tells: 'A check found the drift of before gone.',
  data: noData,
});
const removed = defineEvent('DatabaseRemoved', {
  version: 1,
  tells: 'The database is forgotten, its credentials too; with `lost`, though tables lived there.',
  data: z.strictObject({ reason: z.string().optional(), lost: lost.optional() }),
});

export type DatabaseEvent =
  | EventOfDefinition<typeof registered>
  | EventOfDefinition<typeof addressChanged>
  | EventOfDefinition<typeof driftDetected>
  | EventOfDefinition<typeof driftEnded>
  | EventOfDefinition<typeof removed>;

export const databaseEventSchemas = {
  DatabaseRegistered: registered,
  DatabaseAddressChanged: addressChanged,
  DriftDetected: driftDetected,
  DriftEnded: driftEnded,
  DatabaseRemoved: removed,
} satisfies { [T in DatabaseEvent['type']]: { type: T } };

export const databaseStreams = streamsOf<DatabaseEvent>({ prefix: 'database', schemaVersion: 1 });
