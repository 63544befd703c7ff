import { describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dataSchemaOf, type EventSchema, type StoredEvent, type Upcaster } from '../src/index.js';
import { Upcasts } from '../src/upcast.js';

/** In the form of sha256sum(1), oldest golden file first. */
const SUMS = 'SHA256SUMS';
const text = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
const sha256 = (content: string): string => createHash('sha256').update(content).digest('hex');
const fileOf = ({ type, schema_version }: StoredEvent): string => `${type}.v${schema_version}.json`;

/** One stream's kind of events. `fold` gives the state after each of them, as today's code makes it. */
export interface Golden {
  name: string;
  schemas: Readonly<Record<string, EventSchema>>;
  fold(events: StoredEvent[]): object[] | Promise<object[]>;
}

async function listed(folder: string): Promise<{ file: string; sum: string }[]> {
  const lines = (await readFile(join(folder, SUMS), 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
  return lines.map((line) => ({ sum: line.slice(0, 64), file: line.slice(66) }));
}

async function readGolden(folder: string, file: string): Promise<StoredEvent> {
  return JSON.parse(await readFile(join(folder, file), 'utf8')) as StoredEvent;
}

/**
 * Keeps the first of these events of each type and version that has no golden file yet, in this order; one that is
 * there stays as it is.
 */
export async function addGoldens(folder: string, events: StoredEvent[]): Promise<void> {
  const sums = await listed(folder);
  const known = new Set(sums.map(({ file }) => file));
  const chosen = events.filter((event) => !known.has(fileOf(event)) && known.add(fileOf(event)));
  for (const event of chosen) {
    await writeFile(join(folder, fileOf(event)), text(event));
    sums.push({ file: fileOf(event), sum: sha256(text(event)) });
  }
  await writeFile(join(folder, SUMS), sums.map(({ file, sum }) => `${sum}  ${file}\n`).join(''));
}

/**
 * What holds of the golden files of a folder: real events of every released type and version, never changed once they
 * are there.
 */
export function goldenContract(folder: string, goldens: Golden[], upcasters: readonly Upcaster[] = []): void {
  const upcasts = new Upcasts(upcasters);
  const all = Object.assign({}, ...goldens.map(({ schemas }) => schemas)) as Record<string, EventSchema>;

  test('no golden file was changed, taken away or put there without its sum', async () => {
    const sums = await listed(folder);
    for (const { file, sum } of sums)
      expect([file, sha256(await readFile(join(folder, file), 'utf8'))]).toEqual([file, sum]);
    expect((await readdir(folder)).filter((file) => /\.v\d+\.json$/.test(file)).sort()).toEqual(
      sums.map(({ file }) => file).sort(),
    );
  });

  test('every released event has one, in each of its versions, and none is of an event that nobody knows', async () => {
    const released = Object.entries(all).flatMap(([type, { version, before }]) =>
      [version, ...Object.keys(before ?? {}).map(Number)].map((v) => `${type}.v${v}.json`),
    );
    const there = (await listed(folder)).map(({ file }) => file);
    const missing = released.filter((file) => !there.includes(file));
    expect(missing.map((file) => `${file} is missing: run events.spec with UPDATE_GOLDEN=1`)).toEqual([]);
    expect(there.sort()).toEqual(released.sort());
  });

  test('each is what its schema says', async () => {
    for (const { file } of await listed(folder)) {
      const event = await readGolden(folder, file);
      expect([file, dataSchemaOf(all, event.type, event.schema_version)?.safeParse(event.data)]).toEqual([
        file,
        expect.objectContaining({ success: true, data: event.data }),
      ]);
    }
  });

  describe.each(goldens)('$name', ({ name, schemas, fold }) => {
    test("today's code folds them to what they have always meant", async () => {
      const files = (await listed(folder))
        .map(({ file }) => file)
        .filter((file) => Object.hasOwn(schemas, file.slice(0, file.indexOf('.'))));
      const read = (await Promise.all(files.map((file) => readGolden(folder, file)))).map((event) =>
        upcasts.apply(event),
      );
      // One after another they are one stream, in the order in which they were added: a new one changes nothing before
      // it.
      const folded = JSON.parse(
        JSON.stringify(await fold(read.map((event, i) => ({ ...event, stream: read[0]!.stream, version: i + 1 })))),
      ) as object[];
      const states = Object.fromEntries(files.map((file, i) => [file, folded[i]!]));
      expect(folded).toHaveLength(files.length);
      const kept = join(folder, `${name}.fold.json`);
      const before = JSON.parse(await readFile(kept, 'utf8').catch(() => '{}')) as object;
      // A state may grow; what an event made of it may not become something else.
      expect(states).toMatchObject(before);
      if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(kept, text(states));
      const recorded = JSON.parse(await readFile(kept, 'utf8')) as object;
      const unrecorded = files.filter((file) => !(file in recorded));
      expect(unrecorded.map((file) => `${file} is new: run this with UPDATE_GOLDEN=1`)).toEqual([]);
      expect(states).toEqual(recorded);
    });
  });
}
