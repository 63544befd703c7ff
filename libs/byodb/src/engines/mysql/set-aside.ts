import type { Rendered } from '../../ddl.js';
import { existingColumn, type Extra, type LiveTable } from '../../live.js';
import { alterTable, namesColumn, renameTable, sameName, withColumnRenamed } from './definition/alter-statement.js';
import { drawsNumbers, hiddenDefinition, HIDING, relaxedDefinition } from './definition/column-definition.js';
import {
  addKeys,
  dropKey,
  foreignKeys,
  formerName,
  freeKeyNames,
  isOwn,
  missingKeys,
  nameBack,
  nameFor,
  needsOf,
  type ForeignKey,
} from './foreign-keys.js';
import {
  membersBefore,
  primaryClause,
  primaryExtra,
  primaryMembers,
  restsOnPrimaryKey,
} from './keys/primary-and-unique.js';
import { isStandIn, keysAway, keysBack, standIns } from './keys/set-aside-keys.js';
import { quote } from './sql.js';
import { createTrigger, freeTriggerNames, missingTriggers } from './triggers/triggers.js';
import { readColumn } from './types.js';

/** Foreign keys to other tables are dropped: they would go on acting, and hold the rows that they refer to. */
export function setAsideTable(live: LiveTable, aside: string): Rendered {
  const gone = foreignKeys(live).filter((key) => !isOwn(key, live));
  const stays = (extra: Extra): boolean => !gone.some((key) => key.extra === extra);
  const left = { ...live, extras: live.extras.filter(stays) };
  return renameTable(left, aside, keysAway(live, aside, stays), gone.map(dropKey));
}

export function bringBackTable(live: LiveTable, was: LiveTable): Rendered {
  const keys = missingKeys(
    { ...live, name: was.name },
    was,
    was.columns.map((c) => c.name),
  ).filter((key) => !isOwn(key, { name: formerName(was) }));
  const own = keysBack(live, was, (name) => nameBack(name, was));
  const triggers = missingTriggers(live, was, (name) => nameBack(name, was));
  const back = renameTable(live, was.name, own, addKeys(live, was, keys));
  const names = [...own.map((key) => key.to), ...keys.map((key) => nameFor(key, was))];
  return {
    // While it is out of everybody's reach; then they go with it.
    statements: [...triggers.map((trigger) => createTrigger(trigger, live.name)), ...back.statements],
    live: { ...withKeys(back.live, keys), extras: [...withKeys(back.live, keys).extras, ...triggers] },
    needs: [
      ...needsOf(keys, was.name, live.name),
      ...freeKeyNames(names, was.name),
      ...freeTriggerNames(triggers, was.name, live.name),
    ],
  };
}

/** Hidden in its place: an insert without a list of columns and `select *` pass it over. */
export function setAsideColumn(live: LiveTable, name: string, aside: string): Rendered {
  const column = existingColumn(live, name);
  const inKey = primaryMembers(live).some((k) => sameName(k, name)) && !column.generated;
  const keys = foreignKeys(live).filter((key) => key.columns.some((c) => sameName(c, name)));
  const spatial = live.extras.filter((e) => e.kind === 'SPATIAL KEY' && namesColumn(e, name));
  const gone = [
    ...keys.map((key) => key.extra),
    ...spatial,
    ...(inKey ? live.extras.filter((e) => e === primaryExtra(live)) : []),
  ];
  const definition = hiddenDefinition(
    live,
    name,
    column.generated ? column.definition : relaxedDefinition(column.definition),
  );
  const numbered = inKey ? live.columns.find((c) => c.generated) : undefined;
  const rests = inKey && foreignKeys(live).some((key) => !keys.includes(key) && restsOnPrimaryKey(live, key.columns));
  const instead = standIns(aside, numbered?.name, rests ? membersBefore(primaryMembers(live), name) : []);
  const left = withColumnRenamed({ ...live, extras: live.extras.filter((e) => !gone.includes(e)) }, name, aside, () =>
    readColumn(aside, definition.replace(HIDING, ' INVISIBLE')),
  );
  const clauses = [
    ...keys.map(dropKey),
    ...spatial.map((e) => `DROP INDEX ${quote(e.name)}`),
    ...(inKey ? ['DROP PRIMARY KEY'] : []),
    ...instead.map((k) => `ADD ${k.definition}`),
    `CHANGE COLUMN ${quote(column.name)} ${quote(aside)} ${definition}`,
  ];
  return alterTable(live, clauses, {
    ...left,
    extras: [...left.extras, ...instead],
    ...(inKey ? { primaryKey: [] } : {}),
  });
}

export function bringBackColumn(live: LiveTable, aside: string, was: LiveTable, name: string): Rendered {
  const column = existingColumn(was, name);
  const back = withColumnRenamed(live, aside, name, () => column);
  const names = back.columns.map((c) => c.name);
  // A key over two columns that are both set aside is made again with the last of them.
  const clause =
    primaryClause(live) === null && primaryMembers(was).every((k) => names.some((n) => sameName(n, k)))
      ? primaryClause(was)
      : null;
  const key = clause !== null;
  const instead = key ? live.extras.filter(isStandIn) : [];
  const others = back.extras.filter((e) => !instead.some((k) => k.name === e.name));
  const keys = missingKeys({ ...live, ...back }, was, names).filter((k) => k.columns.some((c) => sameName(c, name)));
  const spatial = was.extras.filter((e) => e.kind === 'SPATIAL KEY' && namesColumn(e, name));
  const clauses = [
    ...instead.map((k) => `DROP INDEX ${quote(k.name)}`),
    `CHANGE COLUMN ${quote(aside)} ${quote(column.name)} ${column.definition}`,
    ...(key ? [`ADD ${clause}`] : []),
    ...spatial.map((e) => `ADD ${e.definition}`),
    ...addKeys({ ...live, ...back, extras: others }, was, keys),
  ];
  const extras = [
    ...others,
    ...spatial,
    ...keys.map((k) => k.extra),
    ...(key ? was.extras.filter((e) => e === primaryExtra(was)) : []),
  ];
  const rendered = alterTable(live, clauses, { ...back, extras, ...(key ? { primaryKey: was.primaryKey } : {}) });
  const needs = needsOf(keys, live.name, live.name, (c) => (sameName(c, name) ? aside : c));
  return { ...rendered, needs, ...(back.columns.some(drawsNumbers) ? { thawFirst: true } : {}) };
}

export function withKeys(live: LiveTable, keys: readonly ForeignKey[]): LiveTable {
  return { ...live, extras: [...live.extras, ...keys.map((key) => key.extra)] };
}
