import { Module } from '@nestjs/common';
import type { EventStore } from '#event-store';
import { Lifecycle } from '../core/lifecycle.js';
import { EVENT_STORE } from '../core/tokens.js';
import { LogController, ProjectionsController, CommandLogController } from './log.controller.js';
import { LogQueries } from './log.queries.js';
import { Projections } from './projections.js';
import { CommandLog } from './command-log.js';
import { EventStreams } from './streams.js';

/** The calls about the log, live streams, and the record of the commands received. */
@Module({
  controllers: [LogController, CommandLogController, ProjectionsController],
  providers: [
    LogQueries,
    Projections,
    CommandLog,
    { provide: EventStreams, inject: [EVENT_STORE, Lifecycle], useFactory: makeStreams },
  ],
  exports: [EventStreams],
})
export class LogModule {}

function makeStreams(store: EventStore, lifecycle: Lifecycle): EventStreams {
  const streams = new EventStreams(store);
  lifecycle.onStop('streams', () => streams.stop());
  return streams;
}
