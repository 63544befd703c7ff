import { Worker } from 'node:worker_threads';
import { DatabaseError } from '../../../errors.js';
import { translate, type Failure } from '../translate.js';

export type Row = Record<string, unknown>;

export interface Request {
  op: 'enter' | 'query' | 'run' | 'probe' | 'rehearse' | 'close';
  mode?: 'look' | 'work' | 'create';
  sql?: string;
  args?: unknown[];
  schema?: { type: string; name: string; sql: string | null }[];
  statements?: string[];
}

interface Pending {
  resolve(rows: Row[]): void;
  reject(error: DatabaseError): void;
}

/** A transaction whose caller says nothing for this long is rolled back by the worker itself. */
const IDLE_MS = 60_000;

/** The main side of worker.js: starts it when first asked, and anew after it died. */
export class Thread {
  private worker: Worker | null = null;
  private readonly pending = new Map<number, Pending>();
  private count = 0;
  private quietSince = performance.now();
  /** What was asked last about a schema. */
  probed: { key: string; problem: string | null } | null = null;

  constructor(private readonly file: string) {}

  /** For how long nothing has been under way, in milliseconds. */
  quietMs(): number {
    return this.pending.size > 0 ? 0 : performance.now() - this.quietSince;
  }

  async call(request: Request): Promise<Row[]> {
    const worker = (this.worker ??= this.start());
    const id = ++this.count;
    // The process may end while nobody waits for this thread, and must not while someone does.
    worker.ref();
    try {
      return await new Promise<Row[]>((resolve, reject) => {
        this.pending.set(id, { resolve, reject });
        worker.postMessage({ ...request, id });
      });
    } finally {
      this.pending.delete(id);
      this.quietSince = performance.now();
      if (this.pending.size === 0) worker.unref();
    }
  }

  /**
   * Ends it at once; what is under way fails with the error, an open transaction is rolled back with the connection.
   */
  async end(error: DatabaseError): Promise<void> {
    const worker = this.worker;
    if (worker === null) return;
    this.gone(worker, error);
    await worker.terminate();
  }

  async close(): Promise<void> {
    if (this.worker === null) return;
    const worker = this.worker;
    const exited = new Promise<void>((resolve) => {
      worker.once('exit', () => resolve());
    });
    await this.call({ op: 'close' });
    worker.ref();
    await exited;
  }

  private start(): Worker {
    const worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: { file: this.file, idleMs: IDLE_MS },
    });
    worker.on('message', ({ id, rows, error }: { id: number; rows?: Row[]; error?: Failure }) => {
      const asked = this.pending.get(id);
      if (error !== undefined) asked?.reject(translate(error));
      else asked?.resolve(rows ?? []);
    });
    worker.on('error', (error) => this.gone(worker, lost(error.message)));
    worker.on('exit', () => this.gone(worker, lost('the worker thread ended')));
    return worker;
  }

  private gone(worker: Worker, error: DatabaseError): void {
    if (this.worker !== worker) return;
    this.worker = null;
    for (const asked of this.pending.values()) asked.reject(error);
  }
}

function lost(message: string): DatabaseError {
  return new DatabaseError('database_unreachable', message, { retryable: true, outcome: 'unknown' });
}
