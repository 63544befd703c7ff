import type { SaidOn } from './statements.js';

/** What a statement is a part of, by its text: the first that fits. */
type Stages = readonly (readonly [stage: string, text: RegExp])[];

const CUSTOMER: Stages = [
  ['connecting', /^\(connect\)|^\(command/],
  ['transactions, with settings, lock and fence', /^\s*(begin|start transaction|commit|rollback|set)\b/i],
  ['identity', /_saga_identity|'_saga_ledger'/],
  ['fence, locks and slots', /_saga_fences|get_lock|release_lock|pg_(try_)?advisory|lock tables/i],
  ['ledger', /_saga_ledger/],
  ['rights', /has_schema_privilege|show grants|current_user\(\)/i],
  ['the DDL', /^\s*(create|alter|drop|rename)\b/i],
  ['looks', /pg_catalog|information_schema|show create|show warnings|pg_class/i],
];

/** What the service does beside every change, whether there is one or not. */
const BESIDE = 'followers, sweep, clock and renewed leases';

const CORE: Stages = [
  ['connecting', /^\(connect\)|^\(command/],
  ['transactions', /^\s*(begin|start transaction|commit|rollback)\b/i],
  [BESIDE, /checkpoints|as last from events_position_seq|pg_locks|position > |as now$|from sagas s where|blocks/i],
  [BESIDE, /leases set expires_at = .* where owner = /i],
  ['events appended', /insert into events|advisory_xact_lock|head0/i],
  ['streams read', /from events/i],
  ['leases', /leases/i],
  ['sagas', /\b(sagas|saga_targets|saga_plans)\b/i],
  ['tables', /\b(tables|table_names|table_databases|table_snapshots|applied_steps)\b/i],
];

export const STAGES = { customer: CUSTOMER, core: CORE };

export function stageOf(text: string, stages: Stages): string {
  const flat = text.replaceAll(/\s+/g, ' ').trim();
  return stages.find(([, pattern]) => pattern.test(flat))?.[0] ?? 'other';
}

/** What was said to a core on behalf of changes: whole transactions are left out that did something beside. */
export function ofChanges(said: readonly SaidOn[]): SaidOn[] {
  const kept: SaidOn[] = [];
  const open = new Map<number, SaidOn[]>();
  for (const one of said) {
    const transaction = open.get(one.connection);
    if (/^begin/i.test(one.text)) open.set(one.connection, [one]);
    else if (transaction === undefined) kept.push(...(isBeside(one) ? [] : [one]));
    else {
      transaction.push(one);
      if (!/^(commit|rollback)/i.test(one.text)) continue;
      open.delete(one.connection);
      if (!transaction.some(isBeside)) kept.push(...transaction);
    }
  }
  return kept;
}

function isBeside({ text }: SaidOn): boolean {
  return stageOf(text, CORE) === BESIDE;
}
