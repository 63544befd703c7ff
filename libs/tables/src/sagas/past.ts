import type { CoreDatabase, EventReader } from '#event-store';
import { loadSaga, type Step } from '#sagas';
import type { Past } from '../changes/change-type.js';
import { pointAt } from '../history/snapshots.js';
import type { Table } from '../table/table.js';

/** The past as the core database tells it. */
export function pastOf(core: CoreDatabase, store: EventReader): Past {
  return {
    async stepsIn(sagaId: string | undefined, databaseId: string): Promise<Step[]> {
      const saga = sagaId === undefined ? null : await loadSaga(core, sagaId);
      return saga?.steps.filter((step) => step.target.id === databaseId && step.phase === 'apply') ?? [];
    },
    async tableAt(tableId: string, version: number): Promise<Table | null> {
      return (await pointAt(core, store, tableId, { version }))?.table ?? null;
    },
  };
}
