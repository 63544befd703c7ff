import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../../dist/apps/api/src/main.js', import.meta.url));

export interface Running {
  url: string;
  child: ChildProcess;
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** The built program as its own process, on a port that the system chooses. */
export async function start(environment: Record<string, string>, nodeOptions: string[] = []): Promise<Running> {
  const child = spawn(process.execPath, [...nodeOptions, MAIN], {
    env: { ...process.env, PORT: '0', LOG_LEVEL: 'fatal', NODE_OPTIONS: '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const url = await new Promise<string>((resolve, reject) => {
    let out = '';
    const read = (chunk: Buffer): void => {
      out += chunk.toString();
      const found = /listens on (http:\S+)/.exec(out);
      if (found !== null) resolve(found[1]!);
    };
    child.stdout!.on('data', read);
    child.stderr!.on('data', read);
    child.once('exit', (code) => {
      reject(new Error(`ended with ${code}: ${out}`));
    });
  });
  return {
    url,
    child,
    async kill(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill(signal);
      await gone;
    },
  };
}

/** The built `npm run verify`. */
export function verifyOffline(
  coreUrl: string,
  ...given: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const file = fileURLToPath(new URL('../../../dist/apps/api/src/verify.js', import.meta.url));
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [file, ...given],
      { env: { ...process.env, CORE_DATABASE_URL: coreUrl, NODE_OPTIONS: '' } },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      },
    );
  });
}
