export { lastBlock, seal, startSealer } from './blocks.js';
export type { SealedHead } from './blocks.js';
export { CoreClock, MOST_OFF_MS } from './clock.js';
export type { TellOfClock } from './clock.js';
export { coreIdentity } from './core-identity.js';
export { sql, sqlList, sqlName } from './core-database.js';
export type { CoreDatabase, Queryable, Row, Sql, SqlValue, Tx } from './core-database.js';
export { CoreUnavailable, MigrationRefused, NewerCore, UniqueViolation, VersionConflict } from './errors.js';
export type {
  Append,
  EventPage,
  EventReader,
  EventStore,
  InlineProjection,
  Metadata,
  NewEvent,
  ReadAllFilter,
  StoredEvent,
} from './event-store.js';
export { dataSchemaOf, eventSchemas, noData } from './event-schema.js';
export type { EventSchema } from './event-schema.js';
export { Feed } from './feed.js';
export { Followers } from './followers.js';
export { canonicalJson, findBrokenLink, hashEvent } from './hash.js';
export { migrate } from './migrate.js';
export { openCoreDatabase } from './core/open.js';
export { packageVersion } from './package-root.js';
export { readPage } from './page.js';
export { ReadModels, UnknownReadModel } from './rebuild.js';
export type { ReadModel, Rebuild } from './rebuild.js';
export { liftReadModels } from './shapes.js';
export { createEventStore } from './store.js';
export { readCheckpoints, subscribe } from './subscription.js';
export type { Checkpoint, Subscription, SubscriptionOptions } from './subscription.js';
export { Upcasts } from './upcast.js';
export type { Upcaster } from './upcast.js';
export { holdsHead, verifyLog } from './verify.js';
export type { LogProblem, Verification } from './verify.js';
