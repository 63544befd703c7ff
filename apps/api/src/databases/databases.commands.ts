import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { v7 as uuid } from 'uuid';
import type { CoreDatabase, Metadata } from '#event-store';
import { findNamed, foldName, MAX_COLUMNS, observeTables, type Column, type Connection, type Managed } from '#byodb';
import {
  consider,
  decideDrift,
  lacking,
  letsGoOf,
  LONGEST_ADOPTED_NAME,
  loadTable,
  managedIn,
  nameOwner,
  outlook,
  reason,
  refOf,
  tablesConcerned,
  type adoptBody,
  type Database,
  type DatabaseRef,
  type resolveDriftBody,
} from '#tables';
import { CORE } from '../core/tokens.js';
import type { Answer } from '../http/answer.js';
import { ApiError } from '../http/api-error.js';
import type { CommandContext } from '../http/input.js';
import { CommandHandler } from '../tables/command-handler.js';
import { enginesOf, type DecidedForDatabase, type Skipped } from '../tables/decided.js';
import { Databases } from './databases.js';
import { Registration } from './registration.js';

export const loss = z.strictObject({ reason, lost: z.literal(true) });

export type Adoption = z.output<typeof adoptBody>;
export type Resolution = z.output<typeof resolveDriftBody>;
export type Loss = z.output<typeof loss>;

/** Commands about a database: what others made of it, and what it missed. */
@Injectable()
export class DatabaseCommands {
  constructor(
    @Inject(CORE) private readonly core: CoreDatabase,
    private readonly databases: Databases,
    private readonly registration: Registration,
    private readonly commands: CommandHandler,
  ) {}

  /** Takes tables that stand there under management, as they are. */
  async adopt(context: CommandContext, name: string, { tables }: Adoption): Promise<Answer> {
    return this.commands.runOnDatabase(context, async (sagaId) => {
      const database = await this.databases.byName(name);
      const ref = refOf(database);
      const events: DecidedForDatabase['events'] = [];
      const found = await this.databases.look(database, async (connection) => {
        const there = await connection.tables();
        const names =
          tables === 'all' ? await this.unknown(ref, there) : await exactly(database, connection, there, tables);
        if (tables === 'all') return takeable(names, await connection.others(), (these) => observed(connection, these));
        refuseTwice(names);
        return { taken: await observed(connection, names), skipped: undefined };
      });
      for (const { table, managed } of found.taken) {
        if (tables !== 'all' && (await nameOwner(this.core, [ref.id], table)) !== null)
          throw new ApiError(
            'table_name_taken',
            `${table} is a table known here already, or its name is reserved by a change under way`,
          );
        const { columns, indexes } = knowable(table, managed);
        events.push({
          table_id: uuid(),
          name: table,
          version: 0,
          event: {
            type: 'TableAdoptionRequested',
            saga_id: sagaId,
            name: table,
            columns,
            ...(indexes.length === 0 ? {} : { indexes }),
            databases: [ref],
          },
        });
      }
      return {
        change: {
          kind: 'database.adopt',
          database: ref,
          tables: events.map((e) => ({ table_id: e.table_id, name: e.name })),
        },
        events,
        ...(found.skipped === undefined ? {} : { skipped: found.skipped }),
        steps: found.taken.map(({ table, managed }) => ({
          database: ref.name,
          engine: ref.engine,
          operation: 'adopt',
          reason: `take table ${table} as it stands`,
          statements: [],
          compensation: [],
          notes: ownParts(managed?.columns ?? []),
        })),
      };
    });
  }

  /** Does what history has done and this database has not seen. */
  async catchUp(context: CommandContext, name: string): Promise<Answer> {
    return this.commands.runOnDatabase(context, async (sagaId) => {
      const database = await this.databases.byName(name);
      const ref = refOf(database);
      const open = await this.databases.look(database, (connection) =>
        lacking({ core: this.core }, connection, ref.id),
      );
      const events: DecidedForDatabase['events'] = [];
      for (const id of new Set(open.map(({ step }) => step.plan.table_id))) {
        const table = (await loadTable(this.core, id))!;
        events.push({
          table_id: id,
          name: table.name,
          version: table.version,
          event: { type: 'CatchUpRequested', saga_id: sagaId, database: ref },
        });
      }
      return {
        change: {
          kind: 'database.catch_up',
          database: ref,
          tables: events.map((e) => ({ table_id: e.table_id, name: e.name })),
        },
        events,
        steps: open.map(({ step, way }) => ({
          database: ref.name,
          engine: ref.engine,
          operation: step.operation,
          reason: step.reason,
          statements: way === 'compensate' ? step.compensation : step.statements,
          compensation: [],
          notes: [],
        })),
      };
    });
  }

  /**
   * The end of a database that is lost for good: nothing is sent there any more. Each of its tables goes on elsewhere,
   * or is dropped where it lived nowhere else; changes under way end without it. Broken off, it is finished by the same
   * call again.
   */
  async forget(metadata: Metadata, name: string, { reason: why }: Loss): Promise<Answer> {
    const database = await this.databases.byName(name);
    const ref = refOf(database);
    const sagas = await this.letGo(ref, why, metadata);
    await this.registration.forget(name, why, metadata);
    // A table that was made there meanwhile: from now on none can be.
    sagas.push(...(await this.letGo(ref, why, metadata)));
    return {
      status: 202,
      body: { status: 'ok', database: { database_id: ref.id, name, engine: ref.engine }, sagas },
      headers: {},
    };
  }

  /** Asks each table that the database concerns, and that was not asked yet, to go on without it. */
  private async letGo(ref: DatabaseRef, why: string, metadata: Metadata): Promise<object[]> {
    const context = { metadata, waitMs: 0, dryRun: false, ifMatch: null, idempotency: null };
    const sagas: object[] = [];
    for (const { table_id, pending } of await tablesConcerned(this.core, ref.id)) {
      if (pending.some(({ change }) => letsGoOf(change, ref.id))) continue;
      const { body } = await this.commands.run(context, table_id, async (table, sagaId) =>
        this.commands.letGoOf(table, [ref], why, sagaId),
      );
      const { saga, table } = body as { saga: object; table: object };
      sagas.push({ ...saga, table });
    }
    return sagas;
  }

  /** What is to become of what others changed. */
  async resolve(context: CommandContext, name: string, { table_id, as }: Resolution): Promise<Answer> {
    return this.commands.run(context, table_id, async (table, sagaId) => {
      const database = await this.databases.byName(name);
      const [ref, ahead] = [refOf(database), outlook(table)];
      // What stands there as it was asked for is no difference: as asked for there by a variant, or everywhere.
      const there = managedIn(table, ref.id);
      const known: Managed = {
        columns: [...there.columns, ...ahead.columns],
        indexes: [
          ...there.indexes,
          ...ahead.indexes.filter(({ name: index }) => findNamed(there.indexes, index) === undefined),
        ],
      };
      const [found] = await this.databases.look(database, (connection) =>
        observeTables(connection, [{ name: ahead.name, known }]),
      );
      const event = decideDrift(consider(table), ref, as, found ?? null, enginesOf(ahead.databases), sagaId);
      const changesSome = event.changes.length > 0 || event.index_changes !== undefined;
      const everywhere = as === 'adopt' && event.found !== null && changesSome;
      return { event, databases: everywhere ? ahead.databases : [ref] };
    });
  }

  /** Tables there that nobody here knows. */
  private async unknown(ref: DatabaseRef, there: string[]): Promise<string[]> {
    const owners = await Promise.all(there.map((table) => nameOwner(this.core, [ref.id], table)));
    return there.filter((_table, i) => owners[i] === null);
  }
}

/** The tables that are asked for, as they are called there; what has such a name and is none is told by what it is. */
async function exactly(
  { name }: Database,
  connection: Connection,
  there: string[],
  asked: readonly string[],
): Promise<string[]> {
  const isExact = connection.engine.facts.tellsNamesApartByCase;
  const called = <T>(all: readonly T[], nameOf: (one: T) => string, as: string): T | undefined =>
    all.find((one) => nameOf(one) === as) ??
    (isExact ? undefined : all.find((one) => foldName(nameOf(one)) === foldName(as)));
  const names = asked.map((one) => called(there, (table) => table, one));
  const missing = asked.find((_one, i) => names[i] === undefined);
  if (missing === undefined) return names.filter((one) => one !== undefined);
  const other = called(await connection.others(), (one) => one.name, missing);
  if (other === undefined) throw new ApiError('table_not_found', `no table ${JSON.stringify(missing)} in ${name}`);
  throw new ApiError(
    'unsupported_change',
    `${other.name} in ${name} cannot be taken under management: ${other.reason}`,
  );
}

interface Found {
  table: string;
  managed: Managed | null;
}

async function observed(connection: Connection, names: string[]): Promise<Found[]> {
  const found = await observeTables(
    connection,
    names.map((name) => ({ name })),
  );
  return names.map((table, i) => ({ table, managed: found[i] ?? null }));
}

/**
 * Of all tables those that can be known here, and the others with the reason: one that cannot is no reason to leave the
 * rest.
 */
async function takeable(
  names: string[],
  others: Skipped[],
  look: (names: string[]) => Promise<Found[]>,
): Promise<{ taken: Found[]; skipped: Skipped[] }> {
  const skipped = others.map(({ name, kind, reason }) => ({ name, kind, reason }));
  const first = names.filter((name, i) => {
    if (others.some((other) => other.name === name)) return false;
    const twin = names.slice(0, i).find((other) => foldName(other) === foldName(name));
    if (twin !== undefined)
      skipped.push({
        name,
        kind: 'table',
        reason: `it differs from ${twin} by the case of letters alone: only one of them can be known here`,
      });
    return twin === undefined;
  });
  const taken: Found[] = [];
  for (const found of await look(first)) {
    const reason = unfit(found.table, found.managed?.columns ?? null);
    if (reason === null) taken.push(found);
    else skipped.push({ name: found.table, kind: 'table', reason });
  }
  return { taken, skipped };
}

/** Two that are told apart by the case of letters alone, or one that was named twice. */
function refuseTwice(names: string[]): void {
  const second = names.find((name, i) => names.findIndex((other) => foldName(other) === foldName(name)) !== i);
  if (second !== undefined)
    throw new ApiError(
      'table_name_taken',
      `${second} and another of these tables differ at most by the case of letters: only one of them can be known here`,
    );
}

/** What was found of a table that can be known here. Errors: ApiError unsupported_change. */
function knowable(table: string, managed: Managed | null): Managed {
  const reason = unfit(table, managed?.columns ?? null);
  if (managed === null || reason !== null)
    throw new ApiError('unsupported_change', `${table} cannot be adopted: ${reason}`);
  return managed;
}

/** Why a table cannot be known here; null: it can. */
function unfit(table: string, columns: Column[] | null): string | null {
  if (table.length > LONGEST_ADOPTED_NAME) return `its name has more than ${LONGEST_ADOPTED_NAME} characters`;
  if (columns === null || columns.length === 0) return 'it has no columns';
  if (columns.length > MAX_COLUMNS) return `it has more than ${MAX_COLUMNS} columns`;
  const twice = columns.find((c, i) => columns.findIndex((other) => foldName(other.name) === foldName(c.name)) !== i);
  return twice === undefined ? null : `two of its columns are called ${twice.name} but for the case of letters`;
}

function ownParts(columns: Column[]): { column: string; note: string }[] {
  return columns
    .filter((c) => c.native !== undefined)
    .map((c) => ({
      column: c.name,
      note: `Kept as the engine's own: ${c.native!.type ?? `default ${c.native!.default}`}.`,
    }));
}
