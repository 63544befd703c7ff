import { parseArgs } from 'node:util';

export interface Options {
  seed: number;
  mode: 'bullmq' | 'embedded';
  core: 'sqlite' | 'postgres';
  api: number;
  workers: number;
  restore: boolean;
  /** Adoptions, moves, reverts, drift, customers' objects and deletes as well. */
  storm: boolean;
  /** Processes come back with clocks that are off. */
  clocks: boolean;
  changes: number;
  kills: number;
  killsPerChange: number;
  /** Null: as long as the changes take. */
  seconds: number | null;
}

/** Throws an Error that says what is wrong. */
export function readOptions(args: string[]): Options {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args,
    options: {
      seed: text,
      changes: text,
      seconds: text,
      kills: text,
      mode: text,
      api: text,
      workers: text,
      core: text,
      restore: { type: 'boolean', default: false },
      storm: { type: 'boolean', default: false },
      clocks: { type: 'boolean', default: false },
    },
  });
  const whole = (name: 'seed' | 'changes' | 'seconds' | 'kills' | 'api' | 'workers', least: number): number | null => {
    const value = values[name];
    if (value === undefined) return null;
    if (!/^\d{1,9}$/.test(value) || Number(value) < least)
      throw new Error(`--${name} must be a whole number from ${least}`);
    return Number(value);
  };
  const { mode = 'bullmq', core = mode === 'bullmq' ? 'postgres' : 'sqlite' } = values;
  if (mode !== 'bullmq' && mode !== 'embedded') throw new Error('--mode must be bullmq or embedded');
  if (core !== 'sqlite' && core !== 'postgres') throw new Error('--core must be sqlite or postgres');
  const seconds = whole('seconds', 1);
  const changes = whole('changes', 1) ?? (seconds === null ? 100 : 1_000_000);
  const kills = whole('kills', 0) ?? Math.round(changes * 0.4);
  return {
    mode,
    core,
    restore: values.restore || values.storm,
    storm: values.storm,
    clocks: values.clocks,
    seconds,
    changes,
    kills,
    killsPerChange: values.changes === undefined && seconds !== null ? 0.4 : kills / changes,
    seed: whole('seed', 0) ?? Math.floor(Math.random() * 1_000_000),
    api: whole('api', 1) ?? 2,
    workers: whole('workers', 1) ?? 3,
  };
}
