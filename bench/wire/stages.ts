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

const CORE: Stages = [
  ['connecting', /^\(connect\)|^\(command/],
  ['transactions', /^\s*(begin|start transaction|commit|rollback)\b/i],
  [
    'followers, sweep and clock',
    /checkpoints|events_position_seq\s*$|pg_locks|position > |as now$|from sagas s where|blocks/i,
  ],
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
