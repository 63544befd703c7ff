import type { LedgerRow } from '#byodb';
import { findBrokenLink, type StoredEvent } from '#event-store';
import { foldSaga, loadSaga, sagaStreams, type Saga } from '#sagas';
import { loadTable, readTable, tableStreams, type Table } from '#tables';
import { readLedger, takePicture, type Picture } from './picture.js';
import { ROLES, type Role } from './scenarios.js';
import type { Place, World } from './world.js';

/** Everything that can be looked at when a case is over; JSON, so that a process can hand it to another. */
export interface Evidence {
  saga: Saga;
  /** It stood still until somebody retried it. */
  wasStuck: boolean;
  pictures: Record<Role, Picture>;
  events: StoredEvent[];
  tableEvents: StoredEvent[];
  brokenLink: boolean;
  table: Table;
  /** Folded from the events once more. */
  replayed: { saga: Saga; table: Table };
  ledger: Record<Role, LedgerRow[]>;
}

export async function gather(world: World, place: Place, wasStuck: boolean): Promise<Evidence> {
  const [events, tableEvents] = [
    await world.store.readStream(sagaStreams.name(place.sagaId)),
    await world.store.readStream(tableStreams.name(place.tableId)),
  ];
  const folded = foldSaga(null, events)!;
  const steps = folded.steps.map((s) => s.step_id);
  const [engine, other] = await Promise.all(
    ROLES.map(async (role) => {
      const connection = world.connection(role);
      return { picture: await takePicture(connection), ledger: await readLedger(connection, steps) };
    }),
  );
  return {
    saga: (await loadSaga(world.core, place.sagaId))!,
    wasStuck,
    pictures: { engine: engine!.picture, other: other!.picture },
    ledger: { engine: engine!.ledger, other: other!.ledger },
    events,
    tableEvents,
    brokenLink: findBrokenLink(events) !== null || findBrokenLink(tableEvents) !== null,
    table: (await loadTable(world.core, place.tableId))!,
    replayed: { saga: folded, table: (await readTable(world.store, place.tableId))! },
  };
}
