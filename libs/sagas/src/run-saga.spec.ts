import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { v7 as uuid } from 'uuid';
import {
  CoreClock,
  CoreUnavailable,
  createEventStore,
  migrate,
  openCoreDatabase,
  sql,
  type Append,
  type CoreDatabase,
  type EventStore,
} from '#event-store';
import { freshSqlite, type Fresh } from '../../../testing/fixtures.js';
import { freePort } from '../../../testing/servers.js';
import { hookedCore } from '../../event-store/testing/hooked-core.js';
import type { SagaDefinition } from './definition.js';
import { Leases } from './lease.js';
import { Orchestrator } from './orchestrator.js';
import { BullQueue } from './queue/bullmq.js';
import { InProcessQueue } from './queue/in-process.js';
import { loadSaga, sagasProjection } from './read-model.js';
import { runSaga } from './run-saga.js';
import type { RunnerPorts } from './run/ports.js';
import type { Saga } from './saga.js';
import { appendToSaga, SAGA_SCHEMA_VERSION, sagaStreams } from './saga-stream.js';

// A domain of its own, that writes down what it was asked to do: this library knows nothing of databases.
let fresh: Fresh;
let core: CoreDatabase;
let store: EventStore;
let clock: CoreClock;
let leases: Leases;
let did: string[];
let during: (way: string) => Promise<void>;

beforeEach(async () => {
  fresh = await freshSqlite();
  core = await openCoreDatabase(fresh.url);
  await migrate(core);
  store = createEventStore(core, { projections: [sagasProjection] });
  clock = await CoreClock.open(core, () => undefined);
  leases = new Leases(core, 'this-worker', 60_000, () => undefined);
  did = [];
  during = async () => undefined;
});
afterEach(async () => {
  await core.close();
  await fresh.drop();
});

const outcome = { fingerprint_before: 'b', fingerprint_after: 'a', statements: [] };
const definition: SagaDefinition = {
  judge: async () => ({ verdict: 'go' }),
  async prepare(_saga, step) {
    did.push(`prepare ${step.target.name}`);
    await during('prepare');
    return {
      fingerprint: 'f',
      reversible_seconds: null,
      steps: [
        { step_id: uuid(), operation: 'x', phase: 'apply', reason: '', statements: [], compensation: [], plan: {} },
      ],
    };
  },
  async apply(_saga, step) {
    did.push(`apply ${step.target.name}`);
    await during('apply');
    return outcome;
  },
  async compensate(_saga, step) {
    did.push(`compensate ${step.target.name}`);
    await during('compensate');
    return outcome;
  },
  async finalize() {
    return outcome;
  },
  look: async () => null,
  ending: async () => [],
};
const ports = (): RunnerPorts => ({
  store,
  core,
  clock,
  leases,
  definition,
  log: () => undefined,
  draining: () => false,
});
const types = async (sagaId: string): Promise<string[]> =>
  (await store.readStream(sagaStreams.name(sagaId))).map((e) => e.type);

async function asked(subject: string, targets = ['one']): Promise<string> {
  const sagaId = uuid();
  await store.append(
    [
      {
        stream: sagaStreams.name(sagaId),
        expectedVersion: 0,
        events: [
          {
            type: 'SagaRequested',
            schema_version: SAGA_SCHEMA_VERSION,
            data: {
              saga_id: sagaId,
              kind: 'k',
              subject_id: subject,
              subject_name: subject,
              change: {},
              targets: targets.map((name) => ({ step_id: uuid(), target: { id: name, name, engine: 'none' } })),
              deadline_at: new Date(Date.now() + 60_000).toISOString(),
            },
          },
        ],
      },
    ],
    { correlation_id: uuid(), causation_id: null, actor: 'test' },
  );
  return sagaId;
}

test('an intent is recorded before the effect, and every cause is the event before', async () => {
  const sagaId = await asked('s');
  let seen: string[] = [];
  during = async (way) => {
    if (way === 'apply') seen = await types(sagaId);
  };
  await runSaga(ports(), sagaId);
  expect(seen).toEqual(['SagaRequested', 'SagaStarted', 'StepPrepared', 'StepIntended']);
  expect(await types(sagaId)).toEqual([...seen, 'StepApplied', 'SagaCompleted']);
  const events = await store.readStream(sagaStreams.name(sagaId));
  const ids = new Set(events.map((e) => e.event_id));
  expect(events.slice(1).every((e) => e.metadata.causation_id !== null && ids.has(e.metadata.causation_id))).toBe(true);
});

test('nothing is applied anywhere before every target has prepared', async () => {
  const sagaId = await asked('s', ['one', 'two', 'three']);
  let open = 3;
  during = async (way) => {
    if (way === 'prepare') {
      await new Promise((resolve) => setTimeout(resolve, 10 * open));
      open--;
    } else expect(open).toBe(0);
  };
  await runSaga(ports(), sagaId);
  expect(did.slice(0, 3).every((one) => one.startsWith('prepare'))).toBe(true);
  expect(did).toHaveLength(6);
});

test("a worker whose lease is another's by now records nothing more, and acts no more", async () => {
  const sagaId = await asked('s', ['one', 'two']);
  during = async (way) => {
    if (way === 'apply')
      await core.execute(sql`update leases set owner = ${'another'}, token = token + 1 where subject = ${'s'}`);
  };
  expect(await runSaga(ports(), sagaId)).toEqual({ again: null, next: null });
  expect(await types(sagaId)).not.toContain('StepApplied');
  expect((await loadSaga(core, sagaId))!.status).toBe('running');
  // The other one's lease is not given back by us either.
  expect(await core.query(sql`select owner, expires_at > 0 as held from leases where subject = ${'s'}`)).toEqual([
    { owner: 'another', held: 1 },
  ]);
  expect(await runSaga(ports(), sagaId)).toEqual({ again: null, next: null });
});

describe('what a run commits', () => {
  /** Statements that the core database got, with `commit` for each transaction's end. */
  function watched(before: (text: string) => Promise<void> = async () => undefined): {
    ports: RunnerPorts;
    statements: string[];
  } {
    const statements: string[] = [];
    const hooked = hookedCore(core, async (text) => {
      statements.push(text.replace(/\s+/g, ' '));
      await before(text);
    });
    leases = new Leases(hooked, 'this-worker', 60_000, () => undefined);
    const hookedStore = createEventStore(hooked, { projections: [sagasProjection] });
    return { ports: { ...ports(), core: hooked, store: hookedStore, leases }, statements };
  }

  test('is its start, its plans with the intents, and its outcomes with its end, which gives the lease back', async () => {
    const sagaId = await asked('s');
    const { ports: counted, statements } = watched();
    await runSaga(counted, sagaId);
    expect(statements.filter((text) => text === 'commit')).toHaveLength(3);
    const afterwards = statements.slice(statements.lastIndexOf('commit') + 1);
    expect(afterwards.filter((text) => !text.startsWith('select'))).toEqual([]);
    expect(await core.query(sql`select expires_at from leases where subject = ${'s'}`)).toEqual([{ expires_at: 0 }]);
    expect((await loadSaga(core, sagaId))!.status).toBe('completed');
  });

  test('names the last outcome as the cause of the end, and of what others are told of it', async () => {
    const sagaId = await asked('s', ['one', 'two']);
    const told: Append = {
      stream: 'subject-s',
      expectedVersion: 0,
      events: [{ type: 'told', schema_version: 1, data: {} }],
    };
    await runSaga({ ...ports(), definition: { ...definition, ending: async () => [told] } }, sagaId);
    const events = await store.readStream(sagaStreams.name(sagaId));
    const [outcome, end] = events.slice(-2);
    expect([outcome!.type, end!.type]).toEqual(['StepApplied', 'SagaCompleted']);
    expect(end!.metadata.causation_id).toBe(outcome!.event_id);
    const [other] = await store.readStream('subject-s');
    expect(other!.metadata.causation_id).toBe(outcome!.event_id);
  });

  test('gives back no lease that another run of this process has by then', async () => {
    const sagaId = await asked('s');
    let next: number | null = null;
    const { ports: counted } = watched(async (text) => {
      const isOver = /^select saga_id from sagas/.test(text) && (await loadSaga(core, sagaId))!.status === 'completed';
      if (isOver) next = await leases.acquire('s');
    });
    await runSaga(counted, sagaId);
    expect(next).not.toBeNull();
    const held = sql`select token, expires_at > 0 as held from leases where subject = ${'s'}`;
    expect(await core.query(held)).toEqual([{ token: next, held: 1 }]);
  });

  test('is tried again where a command came in on the subject between reading and appending', async () => {
    const sagaId = await asked('s');
    const told = { type: 'told', schema_version: 1, data: {} };
    const other = (expectedVersion: number): Append => ({ stream: 'subject-s', expectedVersion, events: [told] });
    let version = 0;
    const overtaken: SagaDefinition = {
      ...definition,
      async ending() {
        const known = version;
        if (version === 0)
          await store.append([other(version++)], { correlation_id: uuid(), causation_id: null, actor: 'x' });
        return [other(known)];
      },
    };
    await runSaga({ ...ports(), definition: overtaken }, sagaId);
    expect(await types(sagaId)).toEqual([
      'SagaRequested',
      'SagaStarted',
      'StepPrepared',
      'StepIntended',
      'StepApplied',
      'SagaCompleted',
    ]);
    expect(await store.readStream('subject-s')).toHaveLength(2);
    expect(did).toEqual(['prepare one', 'apply one']);
  });

  test('an abort that came in between leaves the outcome, and the end to be decided anew', async () => {
    const sagaId = await asked('s');
    let aborted = false;
    const overtaken: SagaDefinition = {
      ...definition,
      async ending(saga) {
        if (!aborted) {
          aborted = true;
          const event = { type: 'AbortRequested', reason: 'not now' } as const;
          // What the run is about to append is one ahead of the stream.
          const { version } = (await loadSaga(core, sagaId))!;
          await store.append([appendToSaga({ saga_id: saga.saga_id, version }, [event])], {
            correlation_id: uuid(),
            causation_id: null,
            actor: 'x',
          });
        }
        return [];
      },
    };
    await runSaga({ ...ports(), definition: overtaken }, sagaId);
    expect(await types(sagaId)).toEqual([
      'SagaRequested',
      'SagaStarted',
      'StepPrepared',
      'StepIntended',
      'AbortRequested',
      'StepApplied',
      'CompensationStarted',
      'CompensationIntended',
      'StepCompensated',
      'SagaCompensated',
    ]);
  });
});

test('a target that has met a higher token than ours is told one above it, and the saga completes', async () => {
  // As when the core database was put back to an earlier state, or a clock that was ahead gave tokens once.
  const sagaId = await asked('s', ['one', 'two']);
  let fence = 0;
  const refused: number[] = [];
  const fenced: SagaDefinition = {
    ...definition,
    async apply(_saga, step, token) {
      if (step.target.name === 'two') return outcome;
      fence ||= token + 3_600_000;
      if (token < fence) {
        refused.push(token);
        throw Object.assign(new Error('stale'), {
          code: 'stale_token',
          retryable: true,
          outcome: 'not_applied',
          details: { token, seen: fence },
        });
      }
      fence = token;
      return outcome;
    },
  };
  const orchestrator = new Orchestrator({
    store,
    core,
    clock,
    queue: new InProcessQueue(2),
    definition: fenced,
    log: () => undefined,
    sweepMs: 20,
  });
  orchestrator.start();
  const began = performance.now();
  while ((await loadSaga(core, sagaId))!.status !== 'completed' && performance.now() - began < 5000)
    await new Promise((resolve) => setTimeout(resolve, 20));
  await orchestrator.stop();
  expect((await loadSaga(core, sagaId))!.status).toBe('completed');
  expect(refused).toHaveLength(1);
});

test('a token that no counter can have given is not gone beyond', async () => {
  const sagaId = await asked('s');
  const fenced: SagaDefinition = {
    ...definition,
    async apply(_saga, _step, token) {
      throw Object.assign(new Error('stale'), {
        code: 'stale_token',
        retryable: true,
        outcome: 'not_applied',
        details: { token, seen: Number.MAX_SAFE_INTEGER },
      });
    },
  };
  await runSaga({ ...ports(), definition: fenced }, sagaId);
  expect(await leases.acquire('t')).toBeLessThan(Date.now() + 60_000);
});

test('sagas of one subject run in the order in which they were asked for, whichever is woken first', async () => {
  const [first, second] = [await asked('s'), await asked('s')];
  expect(await runSaga(ports(), second)).toEqual({ again: null, next: null });
  expect(did).toEqual([]);
  expect(await runSaga(ports(), first)).toEqual({ again: null, next: second });
  expect(await runSaga(ports(), second)).toEqual({ again: null, next: null });
  expect((await loadSaga(core, second))!.status).toBe('completed');
});

test('one saga that cannot be run at all stops no other one', async () => {
  const [poison, other] = [await asked('p'), await asked('q')];
  const broken: RunnerPorts = {
    ...ports(),
    definition: {
      ...definition,
      judge: async (saga) => {
        if (saga.saga_id === poison) throw new TypeError('broken');
        return { verdict: 'go' };
      },
    },
  };
  await expect(runSaga(broken, poison)).rejects.toMatchObject({ message: 'broken' });
  await runSaga(broken, other);
  expect((await loadSaga(core, other))!.status).toBe('completed');
  // And its lease is free again for the next try.
  await runSaga(ports(), poison);
  expect((await loadSaga(core, poison))!.status).toBe('completed');
});

test('a step that failed on one target is undone on the others, in reverse and only where an intent was recorded', async () => {
  const sagaId = await asked('s', ['one', 'two']);
  let failed = false;
  during = async (way) => {
    if (way !== 'apply' || failed) return;
    failed = true;
    throw Object.assign(new Error('refused'), { code: 'database_error', retryable: false, outcome: 'not_applied' });
  };
  await runSaga(ports(), sagaId);
  expect(did.filter((one) => one.startsWith('compensate')).sort()).toEqual(['compensate one', 'compensate two']);
  expect((await loadSaga(core, sagaId))!).toMatchObject({
    status: 'compensated',
    error: { code: 'database_error', message: 'refused' },
  });
});

test.each(['prepare', 'apply', 'compensate'])(
  "the core database away during %s is not the step's failure: the next run does it",
  async (way) => {
    const sagaId = await asked('s', ['one', 'two']);
    let refused = false;
    let away = true;
    during = async (now) => {
      if (now === 'apply' && way === 'compensate' && !refused) {
        refused = true;
        throw Object.assign(new Error('refused'), { code: 'database_error', retryable: false, outcome: 'not_applied' });
      }
      // Both targets meet it, one while the other's is told.
      if (now === way && away) throw new CoreUnavailable('the core database cannot be reached');
    };
    await expect(runSaga(ports(), sagaId)).rejects.toMatchObject({ code: 'core_database_unavailable' });
    expect((await loadSaga(core, sagaId))!.status).toBe(way === 'compensate' ? 'compensating' : 'running');
    away = false;
    await runSaga(ports(), sagaId);
    expect((await loadSaga(core, sagaId))!.status).toBe(way === 'compensate' ? 'compensated' : 'completed');
    const failures = (await types(sagaId)).filter((type) => type === 'StepFailed' || type === 'StepDelayed');
    expect(failures).toEqual(way === 'compensate' ? ['StepFailed'] : []);
  },
);

test('a delayed step is tried again when it is due, however long another database takes', async () => {
  const sagaId = await asked('s', ['slow', 'quick']);
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  let tries = 0;
  const blocking: SagaDefinition = {
    ...definition,
    async apply(_saga, step) {
      if (step.target.name === 'slow') await gate;
      else if (++tries === 1)
        throw Object.assign(new Error('locked'), { code: 'lock_timeout', retryable: true, outcome: 'not_applied' });
      return outcome;
    },
  };
  const running = runSaga({ ...ports(), definition: blocking }, sagaId);
  for (const until = Date.now() + 5000; tries < 2 && Date.now() < until;)
    await new Promise((resolve) => setTimeout(resolve, 20));
  expect(tries).toBe(2);
  open();
  await running;
  expect((await loadSaga(core, sagaId))!.status).toBe('completed');
});

describe("an operator's word", () => {
  /** Tells it of the step on the first target. */
  async function skip(sagaId: string): Promise<void> {
    const { version, steps } = (await loadSaga(core, sagaId))!;
    const step = steps.find((s) => s.phase === 'apply' && s.target.name === 'one')!;
    await store.append(
      [
        appendToSaga({ saga_id: sagaId, version }, [
          { type: 'StepResolved', step_id: step.step_id, as: 'skipped', reason: 'seen to', fingerprint: null },
        ]),
      ],
      { correlation_id: uuid(), causation_id: null, actor: 'test' },
    );
  }
  const locked = Object.assign(new Error('locked'), {
    code: 'lock_timeout',
    retryable: true,
    outcome: 'not_applied',
  });

  test('that comes while the next try is waited for is heard: the step is not tried again', async () => {
    const sagaId = await asked('s');
    during = async (way) => {
      if (way === 'apply') throw locked;
    };
    const running = runSaga(ports(), sagaId);
    for (const until = Date.now() + 5000; !(await types(sagaId)).includes('StepDelayed') && Date.now() < until;)
      await new Promise((resolve) => setTimeout(resolve, 1));
    await skip(sagaId);
    await running;
    expect(did).toEqual(['prepare one', 'apply one']);
    expect((await types(sagaId)).slice(-3)).toEqual(['StepDelayed', 'StepResolved', 'SagaCompleted']);
  });

  test.each([
    ['and the worker has heard of nothing yet', false],
    ['and the worker has read it with the outcome of another step', true],
  ])('that comes while a step is under way holds when the step then fails, %s', async (_what, isHeard) => {
    const sagaId = await asked('s', ['one', 'two']);
    const recorded = async (type: string): Promise<void> => {
      for (const until = Date.now() + 5000; !(await types(sagaId)).includes(type) && Date.now() < until;)
        await new Promise((resolve) => setTimeout(resolve, 1));
    };
    let tries = 0;
    const failing: SagaDefinition = {
      ...definition,
      async apply(_saga, step) {
        if (step.target.name === 'two') {
          if (isHeard) await recorded('StepResolved');
          return outcome;
        }
        if (++tries === 1) throw locked;
        if (!isHeard) await recorded('StepApplied');
        await skip(sagaId);
        if (isHeard) await recorded('StepApplied');
        throw Object.assign(new Error('refused'), { code: 'database_error', retryable: false, outcome: 'not_applied' });
      },
    };
    const told: string[] = [];
    await runSaga({ ...ports(), definition: failing, log: (message) => told.push(message) }, sagaId);
    expect((await types(sagaId)).filter((type) => type === 'StepFailed')).toEqual([]);
    expect((await loadSaga(core, sagaId))!.status).toBe('completed');
    expect(told).toEqual(['a step that was settled meanwhile did not work']);
  });

  test('is not taken for a step that is under way, and is taken once that waits for its next try', async () => {
    const sagaId = await asked('s');
    let [tries, goOn] = [0, (): void => undefined];
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const waiting: SagaDefinition = {
      ...definition,
      async apply() {
        if (++tries === 2) await gate;
        throw locked;
      },
    };
    const orchestrator = new Orchestrator({
      store,
      core,
      clock,
      queue: new InProcessQueue(2),
      definition: waiting,
      log: () => undefined,
      sweepMs: 20,
    });
    const resolve = async (): Promise<Saga> => {
      const { steps } = (await loadSaga(core, sagaId))!;
      const { step_id } = steps.find((s) => s.phase === 'apply')!;
      return orchestrator.resolve(sagaId, step_id, 'skipped', 'seen to', {
        correlation_id: uuid(),
        causation_id: null,
        actor: 'test',
      });
    };
    orchestrator.start();
    try {
      for (const until = Date.now() + 5000; tries < 2 && Date.now() < until;)
        await new Promise((done) => setTimeout(done, 5));
      await expect(resolve()).rejects.toMatchObject({
        code: 'saga_not_retryable',
        message: expect.stringMatching(/may be under way/),
      });
      goOn();
      let taken: Saga | null = null;
      for (const until = Date.now() + 10_000; taken === null && Date.now() < until;) {
        taken = await resolve().catch(() => null);
        await new Promise((done) => setTimeout(done, 5));
      }
      expect(taken).not.toBeNull();
      for (const until = Date.now() + 5000; (await loadSaga(core, sagaId))!.status === 'running' && Date.now() < until;)
        await new Promise((done) => setTimeout(done, 20));
      expect((await loadSaga(core, sagaId))!.status).toBe('completed');
    } finally {
      goOn();
      await orchestrator.stop();
    }
  });
});

test('a saga seen stuck that has recovered by itself goes on after a crash, and waits for a person only where one is needed', async () => {
  const failing = (code: string): SagaDefinition => ({
    ...definition,
    async compensate() {
      throw Object.assign(new Error('not now'), { code, retryable: true, outcome: 'not_applied' });
    },
    async apply(_saga, step) {
      if (step.target.name === 'two')
        throw Object.assign(new Error('refused'), { code: 'database_error', retryable: false, outcome: 'not_applied' });
      return outcome;
    },
  });
  const [recovering, conflict] = [await asked('recovering', ['one', 'two']), await asked('conflict', ['one', 'two'])];
  for (const [sagaId, code] of [
    [recovering, 'database_unreachable'],
    [conflict, 'rows_conflict'],
  ] as const)
    await runSaga({ ...ports(), definition: failing(code) }, sagaId);
  // As when the deadline has passed and the database came back, and the process died before the next thing was
  // recorded.
  const { version, steps } = (await loadSaga(core, recovering))!;
  const undone = steps
    .filter((s) => s.intended)
    .map((s) => ({
      type: 'StepCompensated',
      schema_version: SAGA_SCHEMA_VERSION,
      data: { step_id: s.step_id, fingerprint_after: 'b', statements: [], duration_ms: 1 },
    }));
  await store.append(
    [
      {
        stream: sagaStreams.name(recovering),
        expectedVersion: version,
        events: [
          {
            type: 'SagaStuck',
            schema_version: SAGA_SCHEMA_VERSION,
            data: { error: { code: 'database_unreachable', message: 'away', database: 'one', step_id: null } },
          },
          ...undone,
        ],
      },
    ],
    { correlation_id: uuid(), causation_id: null, actor: 'test' },
  );
  expect([(await loadSaga(core, recovering))!.status, (await loadSaga(core, conflict))!.status]).toEqual([
    'stuck',
    'stuck',
  ]);
  const stuckAt = (await loadSaga(core, conflict))!.version;
  const orchestrator = new Orchestrator({
    store,
    core,
    clock,
    queue: new InProcessQueue(2),
    definition,
    log: () => undefined,
    sweepMs: 20,
  });
  orchestrator.start();
  for (const until = Date.now() + 5000; (await loadSaga(core, recovering))!.status === 'stuck' && Date.now() < until;)
    await new Promise((resolve) => setTimeout(resolve, 20));
  await orchestrator.stop();
  expect((await loadSaga(core, recovering))!.status).toBe('compensated');
  expect((await loadSaga(core, conflict))!.version).toBe(stuckAt);
});

test('a Redis that was never there keeps nobody waiting', async () => {
  const queue = new BullQueue(`redis://127.0.0.1:${await freePort()}`, 2, 'test', () => undefined);
  await expect(queue.wake(await asked('s'))).rejects.toThrow('Redis is not there');
  await queue.stop();
});

test("an effect that meets the core database away while another one's outcome is being recorded ends the run, not the process", async () => {
  const sagaId = await asked('s', ['one', 'two']);
  let recording = (): void => undefined;
  const begun = new Promise<void>((resolve) => {
    recording = resolve;
  });
  const slow: EventStore = new Proxy(store, {
    get(target, key) {
      if (key !== 'append')
        return typeof Reflect.get(target, key) === 'function'
          ? (Reflect.get(target, key) as () => unknown).bind(target)
          : (Reflect.get(target, key) as unknown);
      return async (...args: Parameters<EventStore['append']>) => {
        if (args[0].some((a) => a.events.some((e) => e.type === 'StepApplied'))) {
          recording();
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        return store.append(...args);
      };
    },
  });
  const cut: SagaDefinition = {
    ...definition,
    async apply(_saga, step) {
      if (step.target.name === 'one') return outcome;
      await begun;
      throw new CoreUnavailable('the core database cannot be reached');
    },
  };
  await expect(runSaga({ ...ports(), store: slow, definition: cut }, sagaId)).rejects.toMatchObject({
    code: 'core_database_unavailable',
  });
  await runSaga(ports(), sagaId);
  expect((await loadSaga(core, sagaId))!.status).toBe('completed');
});
