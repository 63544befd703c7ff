import { chmod, mkdir, open, readdir } from 'node:fs/promises';
import { resolve, sep } from 'node:path';

const OURS = /^(credentials\.key|(core|byodb)\.db)/;

/**
 * The data folder, and the files of the embedded databases in it, are their owner's alone. SQLite gives the files
 * beside a
 * database (-wal, -shm, -journal) the mode of the database itself. What lies elsewhere, or is another's, stays as it
 * was made.
 */
export async function keepPrivate(dataDir: string, urls: string[]): Promise<void> {
  const folder = resolve(dataDir);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // Where others keep something too it is not for us to shut them out.
  if ((await readdir(folder)).every((name) => OURS.test(name))) await unlessOthers(() => chmod(folder, 0o700));
  const files = urls
    .filter((url) => url.startsWith('sqlite:'))
    .map((url) => resolve(url.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, '')));
  for (const file of files.filter((name) => name.startsWith(folder + sep))) {
    await mkdir(resolve(file, '..'), { recursive: true, mode: 0o700 });
    // Made before SQLite makes it, which would ask nobody for its mode.
    await unlessOthers(async () => {
      await (await open(file, 'a', 0o600)).close();
    });
    for (const part of ['', '-wal', '-shm', '-journal']) await unlessOthers(() => chmod(file + part, 0o600));
  }
}

/** Of another user, on a file system without modes, or not there. */
async function unlessOthers(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (
      !['EPERM', 'ENOENT', 'ENOTSUP', 'ENOSYS', 'EROFS', 'EACCES', 'EISDIR'].includes(
        (error as NodeJS.ErrnoException).code ?? '',
      )
    )
      throw error;
  }
}
