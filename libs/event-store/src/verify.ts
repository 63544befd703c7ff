import { blockHash, lastBlock, manifestLine, readBlocks, type Block, type SealedHead } from './blocks.js';
import { breathe } from './core/handle.js';
import { sql } from './core-database.js';
import type { CoreDatabase, Row } from './core-database.js';
import { eventOf } from './event-row.js';
import type { EventStore, StoredEvent } from './event-store.js';
import { hashEvent } from './hash.js';

/** What is not as it was written. Null: not known, because it is gone, or because a block is meant. */
export interface LogProblem {
  position: number | null;
  event_id: string | null;
  stream: string | null;
  version: number | null;
  what: string;
}

/** `head`: the end of what is sealed. `more`: the search ended early, after as many problems as are listed. */
export interface Verification {
  valid: boolean;
  events: number;
  head: SealedHead;
  problems: LogProblem[];
  more: boolean;
}

const batchSize = 500;
const mostProblems = 100;
/** Streams remembered; the end of any other one is looked up. */
const mostStreams = 10_000;

/**
 * Reads the whole log, in batches, and holds every event against its own hash, its stream and its block. What was cut
 * off the end together with its blocks cannot be seen from within: for that a head kept elsewhere is needed
 * (`holdsHead`). Errors: CoreUnavailable.
 */
export async function verifyLog(core: CoreDatabase, store: EventStore): Promise<Verification> {
  // In this order: what is sealed is settled, so no block of these reaches beyond the end.
  const sealed = await lastBlock(core);
  const end = Math.max(await store.head(), sealed?.to_position ?? 0);
  const search = new Search(core);
  let before: Pick<Block, 'number' | 'to_position' | 'hash'> = { number: 0, to_position: 0, hash: '' };
  for (let at = 0; at < (sealed?.number ?? 0) && !search.full;) {
    const [block] = await readBlocks(core, at, 1);
    if (block === undefined) break;
    checkBlock(block, before, search);
    await search.through(before.to_position, block.to_position, entriesOf(block));
    before = block;
    at = block.number;
  }
  if (!search.full) await search.through(before.to_position, end, null);
  const { problems, events, full } = search;
  return {
    valid: problems.length === 0,
    events,
    head: { position: before.to_position, hash: before.hash },
    problems,
    more: full,
  };
}

/** Whether the log still has what was sealed when this head was kept. */
export async function holdsHead(core: CoreDatabase, head: SealedHead): Promise<boolean> {
  if (head.position === 0) return head.hash === '';
  const rows = await core.query(sql`select hash from blocks where to_position = ${head.position}`);
  return rows.some((row) => row['hash'] === head.hash);
}

interface Entry {
  line: string;
  position: number;
  event_id: string;
  stream: string;
  version: number;
}

function entriesOf(block: Block): Entry[] {
  return block.manifest.split('\n').map((line) => {
    const [position, event_id = '', stream = '', version] = line.split(' ');
    return { line, position: Number(position), event_id, stream, version: Number(version) };
  });
}

function checkBlock(block: Block, before: Pick<Block, 'number' | 'hash'>, search: Search): void {
  const entries = entriesOf(block);
  const name = `block ${block.number} (positions ${block.from_position} to ${block.to_position})`;
  if (block.number !== before.number + 1)
    search.report({ what: `block ${before.number + 1} is missing before ${name}` });
  else if (block.hash !== blockHash(block.number, block.manifest, before.hash))
    search.report({ what: `${name} is not as it was sealed` });
  else if (
    block.from_position !== entries[0]?.position ||
    block.to_position !== entries.at(-1)?.position ||
    block.events !== entries.length
  )
    search.report({ what: `${name} does not tell its own extent` });
}

interface Link {
  version: number;
  hash: string;
  position: number;
}

class Search {
  readonly problems: LogProblem[] = [];
  events = 0;
  private readonly links = new Map<string, Link>();
  private readonly missing = new Set<string>();

  constructor(private readonly core: CoreDatabase) {}

  get full(): boolean {
    return this.problems.length >= mostProblems;
  }

  report(problem: Partial<LogProblem> & { what: string }): void {
    const { position = null, event_id = null, stream = null, version = null, what } = problem;
    if (!this.full) this.problems.push({ position, event_id, stream, version, what });
  }

  /** Events after `from` up to `to`, held against the entries of their block if they are sealed. */
  async through(from: number, to: number, entries: Entry[] | null): Promise<void> {
    let next = 0;
    for (let at = from; at < to && !this.full;) {
      await breathe();
      const rows = await this.core.query(
        sql`select position, stream, version, event_id, type, schema_version, data,
            correlation_id, causation_id, actor, recorded_at, hash
          from events
          where position > ${at} and position <= ${to}
          order by position
          limit ${batchSize}`,
      );
      for (const row of rows) {
        const { event, intact } = read(row);
        at = event.position;
        if (entries !== null) {
          for (let entry = entries[next]; entry !== undefined && entry.position < at; entry = entries[++next])
            this.gone(entry);
          const entry = entries[next];
          if (entry?.position === at) {
            this.compare(event, entry);
            next++;
          } else this.report({ ...event, what: 'was added after its stretch of the log was sealed' });
        }
        await this.check(event, intact);
      }
      this.events += rows.length;
      if (rows.length < batchSize) break;
    }
    if (entries !== null && !this.full) for (const entry of entries.slice(next)) this.gone(entry);
  }

  private gone(entry: Entry): void {
    this.missing.add(`${entry.stream} ${entry.version}`);
    this.report({ ...entry, what: 'was removed' });
  }

  private compare(event: StoredEvent, entry: Entry): void {
    if (manifestLine(event) === entry.line) return;
    const same = event.event_id === entry.event_id;
    this.report({
      ...event,
      what: same
        ? 'is not as it was sealed'
        : `stands where ${entry.event_id} (${entry.stream}, version ${entry.version}) was sealed`,
    });
  }

  private async check(event: StoredEvent, intact: boolean): Promise<void> {
    const { stream, version, hash, position } = event;
    const before = this.links.get(stream) ?? (await this.linkBefore(event));
    this.links.delete(stream);
    this.links.set(stream, { version, hash, position });
    const [longestUnseen] = this.links.keys();
    if (this.links.size > mostStreams && longestUnseen !== undefined) this.links.delete(longestUnseen);
    if (before.position > position || before.version >= version)
      this.report({
        ...event,
        what: `stands out of order: version ${before.version} of its stream is at position ${before.position}`,
      });
    else if (before.version !== version - 1) {
      if (!this.missing.has(`${stream} ${version - 1}`))
        this.report({
          stream,
          version: version - 1,
          what: `was removed: version ${version} follows version ${before.version} in its stream`,
        });
    } else if (!intact || hashEvent(event, before.hash) !== hash)
      this.report({ ...event, what: 'was changed: its content does not fit its hash' });
  }

  private async linkBefore({ stream, version }: StoredEvent): Promise<Link> {
    const [row] =
      version === 1
        ? []
        : await this.core.query(
            sql`select version, hash, position
              from events
              where stream = ${stream} and version < ${version}
              order by version desc
              limit 1`,
          );
    return row === undefined
      ? { version: 0, hash: '', position: 0 }
      : { version: Number(row['version']), hash: String(row['hash']), position: Number(row['position']) };
  }
}

/**
 * `intact`: the data's text is to the letter what was written. The hash is over its meaning, which other letters can
 * have too.
 */
function read(row: Row): { event: StoredEvent; intact: boolean } {
  const text = String(row['data']);
  let data: object = {};
  let intact = false;
  try {
    data = JSON.parse(text);
    intact = JSON.stringify(data) === text;
  } catch {
    // No JSON any more: certainly not what was written.
  }
  return { event: eventOf(row, data), intact };
}
