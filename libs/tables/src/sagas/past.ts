import type { CoreDatabase, EventReader } from '#event-store';
import type { Plan } from '#byodb';
import { changeSteps, loadSaga, type ChangeStep } from '#sagas';
import type { Past } from '../changes/change-type.js';
import type { Change } from '../changes/index.js';
import { pointAt } from '../history/snapshots.js';
import type { Table } from '../table/table.js';

/** The past as the core database tells it. */
export function pastOf(core: CoreDatabase, store: EventReader): Past {
  return {
    async stepsIn(sagaId: string | undefined, databaseId: string): Promise<ChangeStep<Plan>[]> {
      const saga = sagaId === undefined ? null : await loadSaga<Change, Plan>(core, sagaId);
      if (saga === null) return [];
      return changeSteps(saga).filter((step) => step.phase === 'apply' && step.target.id === databaseId);
    },
    async tableAt(tableId: string, version: number): Promise<Table | null> {
      return (await pointAt(core, store, tableId, { version }))?.table ?? null;
    },
  };
}
