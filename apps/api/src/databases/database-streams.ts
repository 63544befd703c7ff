import { streamsOf } from '#event-store';
import type { DatabaseEvent } from '#tables';

export const databaseStreams = streamsOf<DatabaseEvent>({ prefix: 'database', schemaVersion: 1 });
