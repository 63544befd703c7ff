import { expect } from '@jest/globals';
import { DatabaseError, type ErrorCode, type Managed, type Task } from '#byodb';
import {
  changeOf,
  sentence,
  typeOf,
  type Change,
  type DoneEvent,
  type RequestEvent,
  type TableEvent,
} from '../src/changes/index.js';
import type { ChangeType, Past, Place } from '../src/changes/change-type.js';
import type { DatabaseRef } from '../src/table/event-parts.js';
import { consider, outlook } from '../src/table/outlook.js';
import { Refused } from '../src/table/refused.js';
import { newTable, type Considered, type Outlook, type Table } from '../src/table/table.js';
import { endedSaga, type AppliedStep, type Steps } from './ended-saga.js';
import { play } from './stream.js';
import { LATER } from './table-events.js';

/** Rules as examples: `given(events).when(command).then(events)`, or `.thenRefused(code, message)`. */

type Told = TableEvent | TableEvent[];
type Command = (considered: Considered, events: TableEvent[]) => RequestEvent;
/** What a change means to others while it is on its way. */
type Meaning = {
  names: string[];
  destroys: string[];
  bringsTo: DatabaseRef[];
  bringsBack: boolean;
  isForGood: boolean;
};

export function given(...events: Told[]): Given {
  return new Given(events.flat());
}

export class Given {
  constructor(readonly events: TableEvent[]) {}

  get table(): Table {
    return this.events.length === 0 ? newTable('t', []) : play(null, ...this.events);
  }
  when(command: Command): Answer {
    try {
      return new Answer(this.events, command(consider(this.table), this.events));
    } catch (error) {
      if (error instanceof Refused) return new Answer(this.events, error);
      throw error;
    }
  }
  thenTableIs(expected: Partial<Table>): void {
    expectFields(this.table, expected);
  }
  /** What the history of the table says of its last events. */
  thenHistorySays(...sentences: string[]): void {
    expect(this.events.slice(-sentences.length).map(sentence)).toEqual(sentences);
  }
}

class Answer {
  constructor(
    private readonly before: TableEvent[],
    private readonly answer: RequestEvent | Refused,
  ) {}

  then(...events: TableEvent[]): Accepted {
    const accepted = this.accepted();
    expect([accepted.event]).toEqual(events);
    return accepted;
  }
  thenRefused(code: Refused['code'], message = /(?:)/): void {
    const { answer } = this;
    if (!(answer instanceof Refused)) throw new Error(`${answer.type} was recorded instead of a refusal: ${code}`);
    expect({ code: answer.code, message: answer.message }).toEqual({ code, message: expect.stringMatching(message) });
  }
  inTurn(...meanwhile: Told[]): InTurn {
    return this.accepted().inTurn(...meanwhile);
  }
  itMeans(expected: Partial<Meaning>): void {
    this.accepted().itMeans(expected);
  }
  private accepted(): Accepted {
    if (this.answer instanceof Refused) throw new Error(`refused as ${this.answer.code}: ${this.answer.message}`);
    return new Accepted(this.before, this.answer);
  }
}

/** Without a `then`: what a test returns must be no promise. */
class Accepted {
  constructor(
    private readonly before: TableEvent[],
    readonly event: RequestEvent,
  ) {}

  itMeans(expected: Partial<Meaning>): void {
    const change = changeOf(this.event);
    const type = typeOf(change);
    const meaning: Meaning = {
      names: type.names(change, play(null, ...this.before, this.event)),
      destroys: type.destroys(change),
      bringsTo: type.bringsTo(change),
      bringsBack: type.bringsBack,
      isForGood: type.isForGood(change),
    };
    expectFields(meaning, expected);
  }
  /** `meanwhile`: what happened while the change waited; the changes ahead of it are over by then. */
  inTurn(...meanwhile: Told[]): InTurn {
    const events = [...this.before, this.event, ...meanwhile.flat()];
    const [first] = play(null, ...events).pending;
    if (first?.saga_id !== this.event.saga_id) throw new Error(`it is the turn of ${first?.saga_id ?? 'none'}`);
    return new InTurn(events, this.event.saga_id, changeOf(this.event));
  }
}

class InTurn {
  private readonly table: Table;
  private readonly type: ChangeType;

  constructor(
    private readonly events: TableEvent[],
    private readonly sagaId: string,
    private readonly change: Change,
  ) {
    this.table = play(null, ...events);
    this.type = typeOf(change);
  }

  itIs(expected: 'go' | 'nothing' | { refused: RegExp }): this {
    const told =
      typeof expected === 'string'
        ? { do: expected }
        : { do: 'refuse', reason: expect.stringMatching(expected.refused) as unknown };
    expect(this.type.judge(this.table, this.change)).toEqual(told);
    return this;
  }
  /** What the table will be once it is done, whatever waits behind it. */
  itLeaves(expected: Partial<Outlook>): this {
    expect(this.type.foresee(outlook({ ...this.table, pending: [] }), this.change)).toMatchObject(expected);
    return this;
  }
  /** What it is to one database. `before`: the steps that earlier sagas applied, by saga. */
  on(database: DatabaseRef, before: Record<string, AppliedStep[]> = {}): OnDatabase {
    const past: Past = {
      stepsIn: async (sagaId, id) => (before[sagaId ?? ''] ?? []).filter((step) => step.target.id === id),
      tableAt: async (_tableId, version) => play(null, ...this.events.slice(0, version)),
    };
    return new OnDatabase(this.type, this.change, { table: this.table, databaseId: database.id }, past);
  }
  /**
   * What is recorded once every database has it; what it set aside is kept until `until`; null: it set nothing aside.
   */
  thenDone(event: DoneEvent, until: string | null = null, steps: Steps = []): Given {
    const { table, change, type, sagaId } = this;
    const saga = endedSaga(sagaId, change, steps);
    expect(type.outcome({ table, change, saga, keptUntil: LATER, reversibleUntil: until })).toEqual(event);
    return given(this.events, event);
  }
}

class OnDatabase {
  constructor(
    private readonly type: ChangeType,
    private readonly change: Change,
    private readonly place: Place,
    private readonly past: Past,
  ) {}

  /** What of the table it takes to stand there before it begins. */
  itMeets(expected: Managed): this {
    expect(this.type.standing(this.change, this.place)).toEqual(expected);
    return this;
  }
  /** What is to be done there, in this order; nothing: the table is only looked at. */
  async itAsks(...tasks: Task[]): Promise<void> {
    expect(await this.type.tasks(this.change, this.place, this.past)).toEqual(tasks);
  }
  async itCannot(code: ErrorCode, message: RegExp): Promise<void> {
    const error: unknown = await this.type.tasks(this.change, this.place, this.past).then(
      (tasks) => new Error(`it asks for ${JSON.stringify(tasks)} instead of failing: ${code}`),
      (reason: unknown) => reason,
    );
    if (!(error instanceof DatabaseError)) throw error;
    expect({ code: error.code, message: error.message }).toEqual({ code, message: expect.stringMatching(message) });
  }
}

/** Fails with the name of the field that is another. */
function expectFields<T extends object>(actual: T, expected: Partial<T>): void {
  const fields = Object.keys(expected) as (keyof T)[];
  expect(Object.fromEntries(fields.map((field) => [field, actual[field]]))).toEqual(expected);
}
