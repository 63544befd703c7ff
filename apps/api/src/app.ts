import 'reflect-metadata';
import { pino } from 'pino';
import { AppModule } from './app.module.js';
import type { Config } from './config.js';
import { Lifecycle } from './core/lifecycle.js';
import { listen } from './http/listen.js';

export interface App {
  url: string;
  stop(): Promise<void>;
}

/** Resolves when it listens and takes sagas. When it cannot start, whatever it had started is stopped. */
export async function startApp(config: Config): Promise<App> {
  const logger = pino({ level: config.LOG_LEVEL });
  const lifecycle = new Lifecycle();
  try {
    const url = await listen(AppModule.with(config, logger, lifecycle), config, logger, lifecycle);
    lifecycle.listening();
    return { url, stop: () => lifecycle.stop() };
  } catch (error) {
    // Why it could not start is what its user needs to hear, and not what went wrong behind that.
    await lifecycle.stop().catch((failure: unknown) => {
      logger.error({ error: String(failure) }, 'what had been started did not stop');
    });
    throw error;
  }
}
