import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as uuid } from 'uuid';
import {
  UniqueViolation,
  VersionConflict,
  type Append,
  type CoreClock,
  type CoreDatabase,
  type EventStore,
} from '#event-store';
import type { Limits } from '#byodb';
import { appendToSaga, letGo, loadSaga, requestSaga, type Orchestrator, type SagaQueue } from '#sagas';
import {
  appendToTable,
  changeOf,
  consider,
  decideLost,
  nameOwner,
  newTable,
  typeOf,
  type DatabaseRef,
  type Table,
} from '#tables';
import type { Databases } from '../databases/databases.js';
import type { Answer } from '../http/answer.js';
import { ApiError } from '../http/api-error.js';
import type { CommandContext } from '../http/input.js';
import { AcceptedAnswers, type Accepted } from './accepted.js';
import type { Creation, Decided, DecidedForDatabase, Requested, Told } from './decided.js';
import { dryRun } from './dry-run.js';
import { IdempotencyKeys } from './idempotency-keys.js';
import { knownTable } from './known-table.js';
import { SagaEnds } from './saga-ends.js';
import { Turns } from './turns.js';

/**
 * Other processes may be accepting commands on the same table, and sagas end on it: so long a command tries to get
 * between them, in milliseconds.
 */
const TRY_MS = 20_000;
const LONGEST_PAUSE_MS = 100;
/** Commands on one table, or one database, that wait for their turn in this process. */
const MOST_WAITING = 1000;
/** A name or key that is still another's after so many tries stays it for now: a change under way keeps it. */
const ATTEMPTS_FOR_A_KEY = 5;

/** Turns a decided command into its two events in one commit, and into the answer. */
export class CommandHandler {
  private readonly turns = new Turns(MOST_WAITING);
  private readonly keys: IdempotencyKeys;
  private readonly ends: SagaEnds;
  private readonly answers: AcceptedAnswers;

  constructor(
    private readonly ports: {
      core: CoreDatabase;
      clock: CoreClock;
      store: EventStore;
      databases: Databases;
      orchestrator: Orchestrator;
      queue: Pick<SagaQueue, 'onTold'> | null;
      deadlineSeconds: number;
      retentionSeconds: number;
      limits: Limits;
    },
  ) {
    const { core, clock, store } = ports;
    this.keys = new IdempotencyKeys(core, clock);
    this.ends = new SagaEnds(core, store, ports.queue);
    this.answers = new AcceptedAnswers(core, this.ends);
  }

  /** `decide` is called with the table as it is, again after each lost race; it throws to refuse. */
  async run(
    context: CommandContext,
    tableId: string,
    decide: (table: Table, sagaId: string) => Promise<Decided>,
  ): Promise<Answer> {
    return this.concluded(context, tableId, () =>
      this.judge(context, async (sagaId) => {
        const table = await this.table(tableId);
        refuseOtherVersion(context, table.version);
        return this.decided(context, await decide(table, sagaId), table, table.name, sagaId);
      }),
    );
  }

  /** As `run`, for a table that is not there yet. */
  async create(context: CommandContext, decide: (sagaId: string) => Promise<Creation>): Promise<Answer> {
    return this.concluded(context, null, () =>
      this.judge(context, async (sagaId) => {
        refuseOtherVersion(context, 0);
        const creation = await decide(sagaId);
        return this.decided(context, creation, newTable(uuid(), creation.databases), creation.event.name, sagaId);
      }),
    );
  }

  private async decided(
    context: CommandContext,
    decided: Decided,
    table: Table,
    name: string,
    sagaId: string,
  ): Promise<{ answer: Answer } | Requested> {
    await this.refuseTakenName(decided, table);
    return context.dryRun
      ? {
          answer: { status: 200, headers: {}, body: await dryRun(this.ports, decided.event, decided.databases, table) },
        }
      : this.requested(decided, table, name, sagaId);
  }

  /** As `run`, for what concerns a database; there is no version that it could be matched with. */
  async runOnDatabase(
    context: CommandContext,
    decide: (sagaId: string) => Promise<DecidedForDatabase>,
  ): Promise<Answer> {
    return this.concluded(context, null, () =>
      this.judge(context, async (sagaId) => {
        const { change, events, steps, skipped } = await decide(sagaId);
        const left = skipped === undefined ? {} : { skipped };
        if (context.dryRun)
          return {
            answer: {
              status: 200,
              headers: {},
              body: {
                plan: {
                  based_on: { version: null, pending: 0 },
                  steps,
                  reversible: change.kind === 'database.adopt',
                  reversible_until: null,
                  blocked_by: null,
                },
                ...left,
              },
            },
          };
        const tables = events.map(({ table_id, name, version }) => ({ table_id, name, version: version + 1 }));
        return {
          sagaId,
          tables: events,
          change,
          subject: change.database,
          targets: events.length === 0 ? [] : [change.database],
          body: { status: 'ok', ...(tables.length === 1 ? { table: tables[0] } : {}), tables, ...left },
          told: [],
        };
      }),
    );
  }

  /**
   * `subject`: the table, whose commands are accepted in the order in which they came; null: there is no such order.
   */
  private async concluded(
    context: CommandContext,
    subject: string | null,
    judge: () => Promise<Answer | Accepted>,
  ): Promise<Answer> {
    let judged: Answer | Accepted;
    try {
      judged = await (subject === null || context.dryRun ? judge() : this.turns.take(subject, judge));
    } catch (error) {
      // Of two twins at the same instant the second one may be refused for what the first one did: its name is taken,
      // the table moved on.
      const first = await this.keys.find(context);
      if (first === null) throw error;
      judged = { accepted: first, replayed: true };
    }
    return 'accepted' in judged ? this.answers.answer(context, judged) : judged;
  }

  private async judge(
    context: CommandContext,
    decide: (sagaId: string) => Promise<{ answer: Answer } | Requested>,
  ): Promise<Answer | Accepted> {
    let taken = 0;
    const until = performance.now() + TRY_MS;
    for (let attempt = 0; ; attempt++) {
      const replayed = await this.keys.find(context);
      if (replayed !== null) return { accepted: replayed, replayed: true };
      const decided = await decide(uuid());
      if ('answer' in decided) return decided.answer;
      try {
        return { accepted: await this.append(context, decided), replayed: false };
      } catch (error) {
        // The name or the idempotency key went to another one at the same instant, or the table moved on: judged
        // afresh.
        if (error instanceof UniqueViolation && ++taken > ATTEMPTS_FOR_A_KEY)
          throw new ApiError('table_name_taken', 'the name is reserved by a change under way on one of the databases');
        if (!(error instanceof VersionConflict || error instanceof UniqueViolation)) throw error;
        if (performance.now() > until)
          throw new ApiError(
            'rate_limited',
            'too much is asked of this at once: it was not accepted, and nothing was changed',
          );
        await sleep(Math.random() * Math.min(LONGEST_PAUSE_MS, 2 ** attempt));
      }
    }
  }

  /**
   * By which is judged what is still kept, milliseconds since the epoch: what may not be destroyed yet can be brought
   * back.
   */
  async keptBy(): Promise<number> {
    return this.ports.clock.earliest();
  }

  async table(tableId: string): Promise<Table> {
    return knownTable(this.ports.core, tableId);
  }

  private requested({ event, databases, told = [] }: Decided, table: Table, name: string, sagaId: string): Requested {
    const { table_id, version } = table;
    return {
      sagaId,
      tables: [{ table_id, version, event }],
      change: changeOf(event),
      subject: { id: table_id, name },
      targets: databases,
      body: { status: 'ok', table: { table_id, name, version: version + 1 } },
      told,
    };
  }

  /** Nothing is sent to what is lost: changes that wait for it end, and the table goes on without it. */
  async letGoOf(table: Table, databases: DatabaseRef[], reason: string, sagaId: string): Promise<Decided> {
    const told = await toldOfLoss(this.ports.core, table, databases, reason);
    return { event: decideLost(consider(table), databases, reason, sagaId), databases: [], told };
  }

  private async append(
    context: CommandContext,
    { sagaId, tables, change, subject, targets, body: shown, told }: Requested,
  ): Promise<string> {
    const causes = tables.map(() => uuid());
    const appends: Append[] = [
      ...tables.map(({ event, ...table }, i) => appendToTable(table, event, { event_id: causes[i]! })),
      requestSaga({
        saga_id: sagaId,
        change,
        subject,
        targets,
        deadlineAt: this.ports.clock.now() + this.ports.deadlineSeconds * 1000,
        cause: causes[0],
      }),
      ...told.map(({ saga, events }) => appendToSaga(saga, events)),
    ];
    const body = JSON.stringify({ ...shown, saga: { saga_id: sagaId, status: 'pending', href: `/sagas/${sagaId}` } });
    await this.ports.store.append(appends, context.metadata, this.keys.keeping(context, body));
    // Not waited for: with Redis away the answer would be late, and the reconciler finds the saga all the same.
    for (const { saga } of told) void this.ports.orchestrator.wake(saga.saga_id);
    void this.ports.orchestrator.wake(sagaId);
    return body;
  }

  /** Forgets what was answered to requests so long ago that they would be new ones. */
  async forgetKeys(): Promise<void> {
    return this.keys.forgetOld();
  }

  /** Who waits for the end of a saga is told now how far it is. */
  stop(): void {
    this.ends.stop();
  }

  /** Told here for a good message; two at the same instant are told apart by the core database's unique key. */
  private async refuseTakenName({ event, databases }: Decided, table: Table): Promise<void> {
    const change = changeOf(event);
    const ids = databases.map((database) => database.id);
    for (const name of new Set(typeOf(change).names(change, table))) {
      const owner = await nameOwner(this.ports.core, ids, name);
      if (owner !== null && owner !== table.table_id)
        throw new ApiError('table_name_taken', `the name ${name} is taken on one of the databases`);
    }
  }
}

function refuseOtherVersion({ ifMatch }: CommandContext, version: number): void {
  if (ifMatch !== null && ifMatch !== version)
    throw new ApiError('version_conflict', `the table is at version ${version}`);
}

/**
 * What the changes of a table that are under way are told when databases of theirs are lost: they end, and wait for
 * these no longer.
 */
async function toldOfLoss(core: CoreDatabase, table: Table, lost: DatabaseRef[], reason: string): Promise<Told[]> {
  const told: Told[] = [];
  for (const { saga_id } of table.pending) {
    const saga = await loadSaga(core, saga_id);
    if (saga === null) continue;
    const events = lost.flatMap((database) => letGo(saga, database, reason));
    if (events.length > 0) told.push({ saga, events: events.filter((e, i) => e.type !== 'AbortRequested' || i === 0) });
  }
  return told;
}
