import { existsSync } from 'node:fs';
import { createEventStore, openCoreDatabase } from '#event-store';
import { readConfig } from './config.js';
import { readHead, verify } from './log/verify-log.js';

/** `npm run verify`: 0 when the log is as it was written, 1 when not, 2 when that could not be told. */
const NOT_VALID = 1;
const NOT_KNOWN = 2;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(given: string[]): Promise<number> {
  const kept =
    given.length === 0 ? null : given.length === 2 && given[0] === '--head' ? readHead(given[1]!) : undefined;
  if (kept === undefined || (given.length > 0 && kept === null))
    throw new Error('usage: npm run verify [-- --head <position>:<hash>]');
  const { CORE_DATABASE_URL: url } = readConfig();
  // Opening would make an empty file, and an empty log is valid.
  if (url.startsWith('sqlite:') && !existsSync(url.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, '')))
    throw new Error(`there is no core database at ${url}`);
  const core = await openCoreDatabase(url);
  try {
    const { valid, events, head, problems, more } = await verify(core, createEventStore(core), kept);
    for (const { position, event_id, stream, version, what } of problems) {
      const where = [
        position === null ? null : `position ${position}`,
        event_id,
        stream,
        version === null ? null : `version ${version}`,
      ].filter((part) => part !== null);
      print(where.length === 0 ? what : `${where.join(', ')}: ${what}`);
    }
    if (more) print('and more');
    print(valid ? `valid: ${events} events` : `NOT VALID: ${events} events read`);
    // What does not hold is not worth keeping as the standard for the next time.
    if (valid) print(`head: ${head.position}:${head.hash}`);
    return valid ? 0 : NOT_VALID;
  } finally {
    await core.close();
  }
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`cannot verify: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = NOT_KNOWN;
  },
);
