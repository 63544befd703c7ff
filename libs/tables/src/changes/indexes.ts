import { z } from 'zod';
import {
  findNamed,
  foldName,
  indexChangeSchema,
  indexColumns,
  MAX_INDEXES,
  nameSchema,
  namesInDatabases,
  type Engine,
  type Index,
  type IndexChange,
  type Managed,
  type Problem,
} from '#byodb';
import {
  applyIndexOp,
  applyOps,
  indexTasks,
  misfitOfIndexes,
  refuseUnindexable,
  sameIndexes,
  sayIndexOp,
} from '../table/managed-indexes.js';
import { defineEvent, id, indexes, indexOps, type EventOfDefinition, type IndexOp } from '../table/event-parts.js';
import { Refused, refuseEnded, repeatedNames } from '../table/refused.js';
import { tableId } from '../table/request-parts.js';
import { managedIn, managedOf, type Considered, type Table } from '../table/table.js';
import { withVariantsFollowing } from '../table/variants.js';
import { GO, NOTHING, onlyIfItStands, refuse, type ChangeType, type Judgement } from './change-type.js';

const KINDS = ['index.create', 'index.drop', 'index.rename', 'indexes.change'] as const;

const requested = defineEvent('IndexesChangeRequested', {
  version: 1,
  tells: 'Indexes are to be created, replaced, renamed or dropped, in this order.',
  data: z.strictObject({ saga_id: id, kind: z.enum(KINDS), ops: indexOps }),
});
const done = defineEvent('IndexesChanged', {
  version: 1,
  tells: 'The table has these indexes on all of its databases.',
  data: z.strictObject({ saga_id: id, indexes }),
});

const changesOfIndexes = z.array(indexChangeSchema).min(1, 'must hold at least one index').max(MAX_INDEXES);
export const indexesBody = z
  .strictObject({ table_id: tableId, index: indexChangeSchema.optional(), indexes: changesOfIndexes.optional() })
  .refine((body) => (body.index === undefined) !== (body.indexes === undefined), 'give either index or indexes');

export type IndexesChangeRequested = EventOfDefinition<typeof requested>;
export type IndexesChanged = EventOfDefinition<typeof done>;
/** Several operations on indexes; one alone is called by what it does. */
export type ChangeIndexes = { kind: (typeof KINDS)[number]; ops: IndexOp[] };

/** Tells create, replace, rename and drop apart by what the table will have, and refuses what can never work. */
export function decideIndexes(
  considered: Considered,
  changes: IndexChange[],
  engines: Engine[],
  path: (i: number) => string,
  sagaId: string,
): IndexesChangeRequested {
  refuseEnded(considered);
  const { ahead } = considered;
  const problems = repeatedNames(changes, path);
  const ops: IndexOp[] = [];
  let after = ahead.indexes;
  changes.forEach((change, i) => {
    const refuseField: RefuseField = (field, message) => problems.push({ path: `${path(i)}.${field}`, message });
    for (const op of resolve({ ...ahead, indexes: after }, change, ahead.name, sagaId, refuseField)) {
      ops.push(op);
      after = applyIndexOp(after, op);
    }
  });
  refuseResult({ columns: ahead.columns, indexes: after }, problems, engines);
  const [first, ...others] = ops;
  const kind = first === undefined || others.length > 0 ? 'indexes.change' : kindOf(first);
  return { type: 'IndexesChangeRequested', saga_id: sagaId, kind, ops };
}

function kindOf({ op }: IndexOp): ChangeIndexes['kind'] {
  return op === 'replace' ? 'indexes.change' : `index.${op}`;
}

function refuseResult(after: Managed, problems: Problem[], engines: Engine[]): void {
  if (problems.length > 0) throw new Refused('validation_failed', 'the request has problems', problems);
  if (after.indexes.length > MAX_INDEXES)
    throw new Refused('unsupported_change', `a table has at most ${MAX_INDEXES} indexes`);
  refuseUnindexable(after, engines);
}

/** Told what is wrong with a field of one change. */
type RefuseField = (field: string, message: string) => void;

function resolve(
  ahead: Managed,
  { name, rename_to: to, columns: asked, unique = false }: IndexChange,
  table: string,
  sagaId: string,
  refuseField: RefuseField,
): IndexOp[] {
  const found = findNamed(ahead.indexes, name);
  if (found === undefined && (to !== undefined || asked === undefined))
    throw new Refused('not_found', `the table has no index ${name}`);
  const called = (index: string): string[] => namesInDatabases(table, index, sagaId);
  const taken = to === undefined ? undefined : findNamed(ahead.indexes, to);
  if (taken !== undefined && taken !== found) refuseField('rename_to', `there is an index ${taken.name} already`);
  if (asked === undefined) {
    return found !== undefined && to !== undefined
      ? [{ op: 'rename', name: found.name, to, called: called(to) }]
      : [{ op: 'drop', name: found?.name ?? name }];
  }
  if (found === undefined)
    for (const issue of nameSchema.safeParse(name).error?.issues ?? []) refuseField('name', issue.message);
  const index: Index = {
    name: to ?? found?.name ?? name,
    columns: columnsOf(ahead, indexColumns(asked), refuseField),
    unique,
    called: called(to ?? found?.name ?? name),
  };
  if (found === undefined) return [{ op: 'create', index }];
  return to === undefined
    ? [{ op: 'replace', index }]
    : [
        { op: 'rename', name: found.name, to, called: called(to) },
        { op: 'replace', index },
      ];
}

/** As the table spells them. Errors: Refused column_not_found. */
function columnsOf({ columns }: Managed, asked: Index['columns'], refuseField: RefuseField): Index['columns'] {
  const seen = new Set<string>();
  return asked.map(({ name, order }, i) => {
    const column = findNamed(columns, name);
    if (column === undefined) throw new Refused('column_not_found', `no column ${name}`);
    if (seen.has(foldName(name))) refuseField(`columns.${i}`, `${name} is there twice`);
    seen.add(foldName(name));
    return { name: column.name, order };
  });
}

function judge(table: Table, { ops }: ChangeIndexes): Judgement {
  const before = managedOf(table);
  const misfit = misfitOfIndexes(before, ops);
  if (misfit !== null) return refuse(misfit);
  return sameIndexes(applyOps(before, [], ops).indexes, before.indexes) ? NOTHING : GO;
}

export const changeIndexes: ChangeType<ChangeIndexes, IndexesChangeRequested, IndexesChanged> = {
  requested,
  done,
  body: indexesBody,
  changeOf: ({ kind, ops }) => ({ kind, ops }),

  foresee: (ahead, { ops }) => ({ ...ahead, ...applyOps(ahead, [], ops) }),
  judge: (table, change) => onlyIfItStands(() => judge(table, change), table),
  conclude: (table, event, change) => ({
    indexes: event.indexes,
    variants: withVariantsFollowing(table.variants, [], change?.ops ?? []),
  }),
  fail: (_table, { error }) => ({ last_error: error }),
  outcome: ({ table, change, saga }) => ({
    type: 'IndexesChanged',
    saga_id: saga.saga_id,
    indexes: applyOps(managedOf(table), [], change.ops).indexes,
  }),

  columnOps: () => [],
  names: () => [],
  bringsTo: () => [],
  destroys: () => [],
  bringsBack: false,
  isForGood: () => false,
  begins: false,
  choosesDatabases: false,
  isOfDatabase: false,

  standing: (_change, { table, databaseId }) => managedIn(table, databaseId),
  async tasks({ ops }, { table, databaseId }) {
    const { before, behind } = indexTasks(table.name, managedIn(table, databaseId), [], ops);
    return [...before, ...behind];
  },
  contradiction: async () => null,

  sayRequested({ ops }) {
    const asked = ops.map(sayIndexOp).join('; ');
    return `${asked.charAt(0).toUpperCase()}${asked.slice(1)}: requested.`;
  },
  sayDone: ({ indexes: now }) =>
    now.length === 0
      ? 'The indexes were changed on every database; the table has none now.'
      : `The indexes were changed on every database; they are now ${now.map(({ name }) => name).join(', ')}.`,
};
