export { lastBlock, type SealedHead, startSealer } from './blocks.js';
export { CoreClock, MOST_OFF_MS } from './clock.js';
export {
  type CoreDatabase,
  type Counting,
  jsonOf,
  onlyRow,
  type Queryable,
  type Row,
  sql,
  type Sql,
  sqlList,
  sqlName,
  type Tx,
} from './core-database.js';
export { coreIdentity } from './core-identity.js';
export { openCoreDatabase } from './core/open.js';
export { CoreUnavailable, UniqueViolation, VersionConflict } from './errors.js';
export { dataSchemaOf, type EventSchema, eventSchemas, noData, unfolded } from './event-schema.js';
export {
  type Append,
  type EventReader,
  type EventStore,
  type InlineProjection,
  type Metadata,
  type NewEvent,
  type ReadAllFilter,
  type StoredEvent,
} from './event-store.js';
export { Feed } from './feed.js';
export { Followers } from './followers.js';
export { canonicalJson, findBrokenLink } from './hash.js';
export { migrate } from './migrate.js';
export { packageVersion } from './package-root.js';
export { readPage } from './page.js';
export { type ReadModel, ReadModels, type Rebuild, UnknownReadModel } from './rebuild.js';
export { liftReadModels } from './shapes.js';
export { createEventStore } from './store.js';
export { readCheckpoints, subscribe } from './subscription.js';
export { type EventExtras, streamsOf, type TypedStreams } from './typed-streams.js';
export { type Upcaster, Upcasts } from './upcast.js';
export { holdsHead, type Verification, verifyLog } from './verify.js';
