import type { Need } from '../../../ddl.js';
import { foldName, type Extra, type LiveTable } from '../../../live.js';
import { literal, quote } from '../sql.js';

/**
 * A trigger as the catalog has it. `shown` tells it from others, but is bent: characters beyond U+FFFF are lost,
 * escapes are gone.
 * `body` is to the letter; null: it may not be seen, or is not made out.
 */
interface Trigger {
  timing: string;
  event: string;
  place: number;
  definer: string;
  mode: string;
  collation: string;
  shown: string;
  body: string | null;
}

const KIND = 'trigger';

export const TRIGGERS = `
select trigger_name as name, action_timing as timing, event_manipulation as event, action_order as place,
  definer, sql_mode as mode, collation_connection as collation, action_statement as shown
from information_schema.triggers
where trigger_schema = database() and event_object_table = ?`;

/** `statement`: as SHOW CREATE TRIGGER has it. */
export function readTrigger(row: Record<string, unknown>, statement: string | null): Extra {
  const text = (key: string): string => String(row[key]);
  const trigger: Trigger = {
    timing: text('timing'),
    event: text('event'),
    place: Number(row['place']),
    definer: text('definer'),
    mode: text('mode'),
    collation: text('collation'),
    shown: text('shown'),
    body: statement === null ? null : bodyOf(statement),
  };
  return { kind: KIND, name: text('name'), definition: JSON.stringify(trigger) };
}

const NAME = '(?:`(?:[^`]|``)+`|"(?:[^"]|"")+"|[^\\s`".]+)';
const HEAD = new RegExp(
  (
    `^CREATE (?:OR REPLACE )?DEFINER=\\S+ TRIGGER(?: IF NOT EXISTS)? (?:${NAME}\\.)?${NAME} ` +
    `(?:BEFORE|AFTER) (?:INSERT|UPDATE|DELETE) ON (?:${NAME}\\.)?${NAME} FOR EACH ROW ` +
    `(?:(?:FOLLOWS|PRECEDES) ${NAME} )?`
  ).replaceAll(' ', '\\s+'),
  'i',
);

function bodyOf(statement: string): string | null {
  const [head] = HEAD.exec(statement) ?? [];
  return head === undefined ? null : statement.slice(head.length);
}

/** Whether its text is known, and who made it. */
export function makerOf(extra: Extra): { definer: string; isKnown: boolean } {
  const { definer, body } = partsOf(extra);
  return { definer, isKnown: body !== null };
}

/** In their order; those of one table and moment run as they were made. */
export function triggersOf(live: LiveTable): Extra[] {
  // Earlier versions kept only what tells two triggers apart, and left them on their tables.
  const known = live.extras.filter((extra) => extra.kind === KIND && extra.definition.startsWith('{'));
  return known.sort((a, b) => partsOf(a).place - partsOf(b).place);
}

/** Triggers that `was` had and that gave their names up: under those names again, or as `rename` has it. */
export function missingTriggers(live: LiveTable, was: LiveTable, rename: (name: string) => string): Extra[] {
  const there = new Set(live.extras.filter((extra) => extra.kind === KIND).map((extra) => foldName(extra.name)));
  return triggersOf(was)
    .filter((extra) => !there.has(foldName(extra.name)) && !there.has(foldName(rename(extra.name))))
    .map((extra) => ({ ...extra, name: rename(extra.name) }));
}

/**
 * As if its maker had made it: the text in quotes is read only when mode and collation are set, and these are as before
 * whatever comes of it.
 */
export function createTrigger(extra: Extra, table: string): string {
  const { timing, event, definer, mode, collation, body } = partsOf(extra);
  const at = definer.lastIndexOf('@');
  const maker = at === -1 ? quote(definer) : `${quote(definer.slice(0, at))}@${quote(definer.slice(at + 1))}`;
  const create =
    `CREATE DEFINER=${maker} TRIGGER ${quote(extra.name)} ${timing} ${event} ON ${quote(table)} FOR EACH ` +
    `ROW ${body}`;
  return [
    'BEGIN NOT ATOMIC DECLARE former VARCHAR(64) DEFAULT @@collation_connection;',
    'DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN SET collation_connection = former; RESIGNAL; END;',
    `SET collation_connection = ${literal(collation)};`,
    `SET STATEMENT sql_mode = ${literal(mode)} FOR EXECUTE IMMEDIATE ${literal(create)};`,
    'SET collation_connection = former; END',
  ].join(' ');
}

/** The last first: what is left when this ends midway is made whole again in the same order. */
export function dropTriggers(triggers: readonly Extra[]): string[] {
  return [...triggers].reverse().map((extra) => `DROP TRIGGER ${quote(extra.name)}`);
}

/** `aside`: the table on which they are made: what stands there already was made by the same step, before it died. */
export function freeTriggerNames(triggers: readonly Extra[], table: string, aside: string): Need[] {
  const others = `trigger_schema = database() and lower(event_object_table) <> lower(${literal(aside)})`;
  return triggers.map((extra) => ({
    need: 'free',
    from: 'information_schema.triggers',
    like: `${others} and lower(trigger_name) = lower(${literal(extra.name)})`,
    of: `trigger ${extra.name} of ${table}`,
  }));
}

function partsOf(extra: Extra): Trigger {
  return JSON.parse(extra.definition) as Trigger;
}
