import { v7 as uuid } from 'uuid';
import { VersionConflict, type CoreClock, type CoreDatabase, type EventStore } from '#event-store';
import { requestSaga } from '#sagas';
import { changeOf, type EventOf } from '../changes/index.js';
import { purgeOf } from '../table/outlook.js';
import { purgesDue } from '../table/read-model.js';
import { appendToTable } from '../table/stream.js';
import { placesOf } from '../table/table.js';

export interface PurgerPorts {
  store: EventStore;
  core: CoreDatabase;
  clock: CoreClock;
  wake(sagaId: string): Promise<void>;
  /** How long one purge may wait for its databases, seconds. */
  deadlineSeconds: number;
  log: (message: string, details: Record<string, unknown>) => void;
}

/**
 * Asks for the purge of what was kept aside long enough. Any number of processes may: a table's stream decides, as it
 * does against a restore.
 */
export class Purger {
  private timer: NodeJS.Timeout | null = null;
  private working: Promise<void> | null = null;

  constructor(
    private readonly ports: PurgerPorts,
    private readonly everyMs = 1000,
  ) {}

  start(): void {
    this.timer = setInterval(() => {
      this.working ??= this.sweep()
        .catch((error: unknown) => this.ports.log('purge sweep failed', { error: String(error) }))
        .finally(() => {
          this.working = null;
        });
    }, this.everyMs);
  }

  async stop(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    await this.working;
  }

  private async sweep(): Promise<void> {
    const { clock, core } = this.ports;
    if (clock.isOff()) return;
    const now = await clock.earliest();
    for (const table of await purgesDue(core, now)) {
      const due = purgeOf(table);
      if (due === null || Date.parse(due.due_at) > now) continue;
      const [sagaId, cause] = [uuid(), uuid()];
      const event: EventOf<'PurgeRequested'> = { type: 'PurgeRequested', saga_id: sagaId, of: due.of };
      try {
        await this.ports.store.append(
          [
            appendToTable(table, event, { event_id: cause }),
            requestSaga({
              saga_id: sagaId,
              change: changeOf(event),
              subject: { id: table.table_id, name: table.name },
              targets: placesOf(table),
              deadlineAt: clock.now() + this.ports.deadlineSeconds * 1000,
              cause,
            }),
          ],
          { correlation_id: uuid(), causation_id: null, actor: 'schemasaga' },
        );
        await this.ports.wake(sagaId);
      } catch (error) {
        // Somebody else asked, or a restore came first: seen at the next sweep.
        if (!(error instanceof VersionConflict)) throw error;
      }
    }
  }
}
