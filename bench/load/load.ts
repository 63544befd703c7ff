import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Sample } from '../measure.js';
import type { Jobs } from './jobs.js';

interface Told {
  id: number;
  sample?: Sample;
  error?: string;
}

/** The process that makes the load, told what to do. */
export class Load {
  private next = 0;

  private constructor(private readonly child: ChildProcess) {}

  static async start(): Promise<Load> {
    const child = fork(fileURLToPath(new URL('./process.js', import.meta.url)), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    await once(child, 'message');
    return new Load(child);
  }

  /** Errors: Error when the job as a whole failed; what single requests met is in the sample. */
  run<J extends keyof Jobs>(job: J, options: Parameters<Jobs[J]>[0]): Promise<Sample> {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error('the load process has ended'));
      const answered = (told: Told): void => {
        if (told.id !== id) return;
        this.child.off('message', answered);
        this.child.off('exit', ended);
        if (told.sample === undefined) reject(new Error(`${job}: ${told.error}`));
        else resolve(told.sample);
      };
      this.child.on('message', answered);
      this.child.once('exit', ended);
      this.child.send({ id, job, options });
    });
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.disconnect();
    await gone;
  }
}
