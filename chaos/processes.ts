import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, existsSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../testing/servers.js';

const MAIN = join('dist', 'apps', 'api', 'src', 'main.js');
const START_MS = 60_000;

const running = new Set<ChildProcess>();
// A run that is broken off must not leave its processes behind.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

/** The library that shifts a process's clock; null: it is not installed. */
export function faketime(): string | null {
  return (
    ['x86_64', 'aarch64']
      .map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketimeMT.so.1`)
      .find(existsSync) ?? null
  );
}

/** One process of the built program, at one address however often it is killed. */
export class Process {
  readonly url: string;
  upSince = 0;
  private child: ChildProcess | null = null;
  private wanted = true;
  /** How far its clock is off from its next start on, as faketime says it; null: not at all. */
  clock: string | null = null;
  private starting: Promise<void> | null = null;
  private readonly log: WriteStream;

  private constructor(
    readonly name: string,
    readonly role: 'all' | 'api' | 'worker',
    private readonly port: number,
    private readonly environment: Record<string, string>,
    folder: string,
  ) {
    this.url = `http://127.0.0.1:${port}`;
    this.log = createWriteStream(join(folder, `${name}.log`), { flags: 'a' });
  }

  static async start(
    name: string,
    role: Process['role'],
    environment: Record<string, string>,
    folder: string,
  ): Promise<Process> {
    const made = new Process(name, role, await freePort(), environment, folder);
    await made.up();
    return made;
  }

  /** Starts it unless it runs, and again when it ends by itself: its core database may be down just now. */
  async up(): Promise<void> {
    this.wanted = true;
    this.starting ??= this.launch().finally(() => {
      this.starting = null;
    });
    await this.starting;
  }

  private async launch(): Promise<void> {
    for (const until = Date.now() + START_MS; this.wanted && this.child === null;) {
      const child = spawn(process.execPath, [MAIN], {
        env: {
          PATH: process.env['PATH'],
          LOG_LEVEL: 'warn',
          PORT: String(this.port),
          ROLE: this.role,
          ...this.environment,
          ...(this.clock === null
            ? {}
            : { LD_PRELOAD: faketime()!, FAKETIME: this.clock, FAKETIME_DONT_FAKE_MONOTONIC: '1' }),
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      running.add(child);
      child.once('exit', () => {
        running.delete(child);
      });
      child.stderr.on('data', (text: Buffer) => this.log.write(text));
      const listens = await new Promise<boolean>((resolve) => {
        child.stdout.on('data', (text: Buffer) => {
          this.log.write(text);
          if (text.includes('listens on')) resolve(true);
        });
        child.once('exit', () => {
          resolve(false);
        });
      });
      if (listens) {
        this.child = child;
        this.upSince = Date.now();
        child.once('exit', (code, signal) => {
          if (this.child === child) this.child = null;
          this.log.write(`ended: ${code ?? signal}\n`);
          // A process that ends although nobody killed it is started again, as any supervisor would.
          if (this.wanted && signal !== 'SIGKILL') void this.up();
        });
        return;
      }
      if (Date.now() > until) throw new Error(`${this.name} does not start: see ${this.name}.log`);
      await sleep(300);
    }
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (this.starting !== null) await this.starting;
    this.wanted = false;
    const { child } = this;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }

  get isUp(): boolean {
    return this.child !== null;
  }
}
