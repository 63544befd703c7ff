import { startApp } from './app.js';
import { readConfig } from './config.js';

try {
  const config = readConfig();
  const app = await startApp(config);
  console.log(`schemasaga listens on ${app.url}`);
  const core = config.CORE_DATABASE_URL.startsWith('sqlite:') ? ` (core: ${config.CORE_DATABASE_URL})` : '';
  console.log(`data: ${config.DATA_DIR}${core}`);
  console.log(
    `try:  curl -s -X POST ${app.url}/table/create -H 'Content-Type: application/json' -H 'Prefer: ` +
      `wait=10' -d '{"name": "customers"}'`,
  );
  let stopping = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      // What is still under way then is as if it had been killed: another process, or the next start, goes on with it.
      setTimeout(() => process.exit(0), config.DRAIN_SECONDS * 1000).unref();
      app.stop().then(
        () => process.exit(0),
        (error: unknown) => {
          console.error(error);
          process.exit(1);
        },
      );
    });
  }
} catch (error) {
  // A message, not a stack: this is for whoever starts it.
  console.error(`schemasaga cannot start: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
