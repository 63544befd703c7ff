import { parseArgs } from 'node:util';
import { EVERYTHING, type Choice } from './matrix.js';

/**
 * `kills`: how often in a case; the second and later ones at points drawn by seed, or after as many points as `after`
 * says.
 */
export interface Options extends Choice {
  seed: number;
  jobs: number;
  point: string | null;
  kills: number;
  after: readonly number[];
}

/** Throws an Error that says what is wrong with the arguments. */
export function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    strict: true,
    options: {
      engine: { type: 'string', multiple: true },
      operation: { type: 'string', multiple: true },
      direction: { type: 'string', multiple: true },
      point: { type: 'string' },
      seed: { type: 'string', default: '1' },
      jobs: { type: 'string', default: '4' },
      kills: { type: 'string', default: '1' },
      after: { type: 'string', multiple: true },
    },
  });
  return {
    engines: chosen('engine', values.engine, EVERYTHING.engines),
    operations: chosen('operation', values.operation, EVERYTHING.operations),
    directions: chosen('direction', values.direction, EVERYTHING.directions),
    seed: whole('seed', values.seed, 0),
    jobs: whole('jobs', values.jobs, 1),
    point: values.point ?? null,
    kills: whole('kills', values.kills, 1),
    after: (values.after ?? []).map((text) => whole('after', text, 1)),
  };
}

function chosen<T extends string>(name: string, asked: string[] | undefined, all: readonly T[]): readonly T[] {
  const unknown = asked?.find((one) => !(all as readonly string[]).includes(one));
  if (unknown !== undefined) throw new Error(`--${name} ${unknown}: one of ${all.join(', ')}`);
  return asked === undefined ? all : all.filter((one) => asked.includes(one));
}

function whole(name: string, text: string, least: number): number {
  if (!/^\d{1,9}$/.test(text) || Number(text) < least)
    throw new Error(`--${name} ${text}: a whole number from ${least}`);
  return Number(text);
}
