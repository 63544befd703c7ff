import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** The built service, and the bare server beside which it is measured. */
export const PROGRAMS = {
  service: join(ROOT, 'dist/apps/api/src/main.js'),
  bare: join(ROOT, 'dist/bench/floor/bare.js'),
};

const running = new Set<ChildProcess>();

/** A run that is broken off leaves no processes behind. */
export function endWithThisProcess(): void {
  process.on('exit', () => {
    for (const child of running) child.kill('SIGKILL');
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));
}

/** A program that says where it listens. */
export class Running {
  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
  ) {}

  /** Resolves when it listens. Errors: Error with what it printed, when it ends before. */
  static async start(
    program: keyof typeof PROGRAMS,
    environment: Record<string, string>,
    logFile: string,
  ): Promise<Running> {
    const child = spawn(process.execPath, [PROGRAMS[program]], {
      env: { PATH: process.env['PATH'], NODE_ENV: 'production', LOG_LEVEL: 'warn', PORT: '0', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    child.once('exit', () => running.delete(child));
    const log = createWriteStream(logFile, { flags: 'a' });
    let printed = '';
    const url = await new Promise<string>((resolve, reject) => {
      const read = (text: Buffer): void => {
        log.write(text);
        if (printed.length > 10_000) return;
        printed += text.toString();
        const found = /listens on (http:\S+)/.exec(printed);
        if (found !== null) resolve(found[1]!);
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.once('exit', (code) => {
        log.end();
        reject(new Error(`${program} ended with ${code}: ${printed}`));
      });
    });
    return new Running(url, child);
  }

  /** Seconds of processor time since it began. Null where the system does not tell. */
  async cpuSeconds(): Promise<number | null> {
    const stat = await this.proc('stat');
    if (stat === null) return null;
    // The name in parentheses may hold spaces: fields are counted behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  /** Resident memory in MB. Null where the system does not tell. */
  async memory(): Promise<number | null> {
    const kilobytes = /VmRSS:\s+(\d+)/.exec((await this.proc('status')) ?? '')?.[1];
    return kilobytes === undefined ? null : Number(kilobytes) / 1024;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGTERM');
    await gone;
  }

  private proc(file: string): Promise<string | null> {
    return readFile(`/proc/${this.child.pid}/${file}`, 'utf8').catch(() => null);
  }
}

/** What Linux counts processor time in, on every machine that Node runs on. */
const TICKS_PER_SECOND = 100;
