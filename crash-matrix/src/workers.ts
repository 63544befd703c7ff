import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Job, Report } from './worker.js';

/** What became of a job: its report, or the worker's death. */
export type Answer = Report | 'killed';

/** Worker processes; one is always starting, so that a killed one's successor is there at once. */
export class Workers {
  private readonly spare: Promise<ChildProcess>[] = [];
  private readonly idle: ChildProcess[] = [];
  private readonly all = new Set<ChildProcess>();

  constructor(
    private readonly program: string,
    spares: number,
  ) {
    for (let i = 0; i < spares; i++) this.spare.push(this.start());
  }

  async run(job: Job): Promise<Answer> {
    const worker = this.idle.pop() ?? (await this.next());
    const answer = await new Promise<Answer>((resolve, reject) => {
      const done = (): void => {
        worker.off('message', reported);
        worker.off('exit', ended);
      };
      const reported = (report: Report): void => {
        done();
        resolve(report);
      };
      const ended = (code: number | null, signal: string | null): void => {
        done();
        this.all.delete(worker);
        if (signal === 'SIGKILL') resolve('killed');
        else reject(new Error(`a worker ended by itself: ${signal ?? code}`));
      };
      worker.on('message', reported);
      worker.on('exit', ended);
      worker.send(job);
    });
    if (answer !== 'killed') this.idle.push(worker);
    return answer;
  }

  async stop(): Promise<void> {
    await Promise.all(this.spare);
    await Promise.all(
      [...this.all].map(async (worker) => {
        if (worker.exitCode !== null || worker.signalCode !== null) return;
        const gone = once(worker, 'exit');
        worker.kill('SIGKILL');
        await gone;
      }),
    );
  }

  private next(): Promise<ChildProcess> {
    this.spare.push(this.start());
    return this.spare.shift()!;
  }

  private async start(): Promise<ChildProcess> {
    // Of its own: jest's and npm's options are not meant for it.
    const worker = fork(this.program, [], {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      serialization: 'json',
    });
    this.all.add(worker);
    await once(worker, 'message');
    return worker;
  }
}
