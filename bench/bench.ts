import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Target } from './case.js';
import { Load } from './load/load.js';
import { summarise, type Compare, type Line, type Sample } from './measure.js';
import { Running, type PROGRAMS } from './processes.js';
import { type Servers, type Kind } from './servers.js';

export interface Pair {
  service(): Promise<Sample>;
  base(): Promise<Sample>;
  compare: Compare;
}

/** What a case measures with. What it starts ends with the case; the servers stay for the next one. */
export class Bench {
  readonly lines: Line[] = [];
  readonly pairCount: number;
  private readonly ends: (() => Promise<void>)[] = [];
  private number = '';
  private names = 0;
  private started = 0;
  private loadStarted: Promise<Load> | null = null;

  constructor(
    readonly quick: boolean,
    readonly folder: string,
    readonly servers: Servers,
  ) {
    this.pairCount = quick ? 2 : 5;
  }

  /** What a reader of the figures must know. */
  note(text: string): void {
    console.log(`  ${text}`);
  }

  begin(number: string): void {
    this.number = number;
  }

  /** Ends whatever the case has started: the load, which is connected to everything, and then the last first. */
  async end(): Promise<void> {
    const load = await this.loadStarted;
    this.loadStarted = null;
    await load?.end();
    for (const end of this.ends.splice(0).reverse()) await end();
  }

  /** So many things in a block: fewer with `--quick`. */
  count(full: number): number {
    return this.quick ? Math.max(2, Math.ceil(full / 2)) : full;
  }

  /** Names that were not used before in this run. */
  fresh(prefix: string, count: number): string[] {
    return Array.from({ length: count }, () => `${prefix}_${++this.names}`);
  }

  async load(): Promise<Load> {
    this.loadStarted ??= Load.start();
    return this.loadStarted;
  }

  /** A new, empty database until the case ends: its url. */
  async database(kind: Kind): Promise<string> {
    const url = await this.servers.database(kind);
    this.ends.push(() => this.servers.drop(url));
    return url;
  }

  /** A new folder. */
  async newFolder(): Promise<string> {
    const folder = join(this.folder, String(++this.started));
    await mkdir(folder);
    return folder;
  }

  async start(program: keyof typeof PROGRAMS, environment: Record<string, string>): Promise<Running> {
    const made = await Running.start(program, environment, join(this.folder, `${this.number}-${++this.started}.log`));
    this.ends.push(() => made.stop());
    return made;
  }

  /**
   * Blocks of all kinds of work by turns, after one of each that does not count. Errors: Error when something goes
   * wrong in those already.
   */
  async rounds<K extends string>(works: Record<K, () => Promise<Sample>>): Promise<Record<K, Sample[]>> {
    const kinds = Object.keys(works) as K[];
    for (const kind of kinds) {
      const { errors } = await works[kind]();
      if (errors.length > 0)
        throw new Error(`${kind}: ${errors.length} errors before anything was measured: ${errors[0]}`);
    }
    const samples = Object.fromEntries(kinds.map((kind): [K, Sample[]] => [kind, []])) as Record<K, Sample[]>;
    for (let i = 0; i < this.pairCount; i++) for (const kind of kinds) samples[kind].push(await works[kind]());
    return samples;
  }

  /** Service and denominator by turns. */
  async pairs(target: Target, { service, base, compare }: Pair): Promise<void> {
    const samples = await this.rounds({ service, base });
    this.compare(target, samples.service, samples.base, compare);
  }

  compare(target: Target, service: readonly Sample[], base: readonly Sample[], compare: Compare): void {
    this.add(
      target,
      service.map((one, i) => compare(one, base[i]!)),
      {
        service: summarise(service),
        base: summarise(base),
        errors: [...service, ...base].flatMap((sample) => sample.errors),
      },
    );
  }

  add(target: Target, values: number[], more: Partial<Pick<Line, 'service' | 'base' | 'errors'>> = {}): void {
    const { label, unit = '×', asked, moonshot } = target;
    const { service = null, base = null, errors = [] } = more;
    this.lines.push({ number: this.number, label, unit, values, asked, moonshot, service, base, errors });
  }
}
