import { parseArgs } from 'node:util';
import type { Case } from './case.js';

export interface Options {
  cases: Case[];
  quick: boolean;
  json: string | null;
  list: boolean;
  profile: boolean;
}

/** Throws an Error that says what is wrong. */
export function readOptions(args: string[], all: readonly Case[]): Options {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      json: { type: 'string' },
    },
  });
  for (const name of positionals)
    if (!all.some((one) => one.name === name || one.number === name))
      throw new Error(`no case is called ${name}: --list names them`);
  return {
    cases: all.filter(
      ({ name, number }) => positionals.length === 0 || [name, number].some((n) => positionals.includes(n)),
    ),
    quick: values.quick,
    json: values.json ?? null,
    list: values.list,
    profile: values.profile,
  };
}
