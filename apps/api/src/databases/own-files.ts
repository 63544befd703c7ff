import { existsSync, readlinkSync, realpathSync, statSync, type Stats } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { ApiError } from '../http/api-error.js';
import { keyFileOf } from './vault.js';

/** What SQLite keeps beside a database file, by the ending of its name. */
const BESIDE = ['-wal', '-shm', '-journal'] as const;
const MOST_LINKS = 20;

/**
 * The files of the service itself: none of them may be opened as a customer's, whatever path or link leads there. An
 * empty one
 * would be taken for a new database and written to.
 */
export class OwnFiles {
  private readonly files: string[];

  constructor(coreUrl: string, dataDir: string) {
    const core = coreUrl.startsWith('sqlite:')
      ? resolve(coreUrl.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, ''))
      : null;
    this.files = [keyFileOf(dataDir), ...(core === null ? [] : [core, ...BESIDE.map((ending) => core + ending)])];
  }

  /** Errors: ApiError core_database, validation_failed. */
  refuse(file: string): void {
    const stat = statSync(file, { throwIfNoEntry: false });
    const place = realPlace(file);
    const own = this.files.find(
      (one) => realPlace(one) === place || isSame(stat, statSync(one, { throwIfNoEntry: false })),
    );
    if (own !== undefined)
      throw new ApiError(
        'core_database',
        "that file is one of the service's own, and can never be a customer's database",
      );
    if (stat !== undefined && !stat.isFile())
      refused(stat.isDirectory() ? 'is a folder, not a file' : 'is not a plain file');
    // SQLite finds what belongs to a file by its name: under two of them it would lose writes
    // (https://www.sqlite.org/howtocorrupt.html).
    if (stat !== undefined && stat.nlink > 1)
      refused('has a second name (a hard link), under which SQLite would not find what belongs to it');
    const ending = BESIDE.find((one) => place.endsWith(one));
    if (ending !== undefined && existsSync(place.slice(0, -ending.length)))
      refused(`is what SQLite keeps beside ${basename(place.slice(0, -ending.length))}: name that file`);
  }
}

function refused(why: string): never {
  throw new ApiError('validation_failed', `url ${why}`, { errors: [{ path: 'url', message: why }] });
}

function isSame(a: Stats | undefined, b: Stats | undefined): boolean {
  return a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino;
}

/** The path with every link in it followed, as far as it leads; the last part may not be there yet. */
function realPlace(file: string, links = 0): string {
  try {
    return realpathSync(file);
  } catch {
    const folder = dirname(resolve(file));
    const place = join(realFolder(folder), basename(file));
    const target = links > MOST_LINKS ? null : linkOf(place);
    return target === null ? place : realPlace(resolve(dirname(place), target), links + 1);
  }
}

function realFolder(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}

/** Where a link leads whose end is not there yet: whoever opens it makes it. */
function linkOf(place: string): string | null {
  try {
    return readlinkSync(place);
  } catch {
    return null;
  }
}
