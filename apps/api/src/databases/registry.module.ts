import { Module } from '@nestjs/common';
import { coreIdentity, type CoreDatabase } from '#event-store';
import type { Config } from '../config.js';
import { Lifecycle } from '../core/lifecycle.js';
import { CONFIG, CORE } from '../core/tokens.js';
import { AddressRules } from './address-rules.js';
import { AppliedSteps } from './applied-steps.js';
import { Candidates } from './candidates.js';
import { Databases } from './databases.js';
import { DefaultDatabase } from './default-database.js';
import { DriftWatch } from './drift-watch.js';
import { OwnFiles } from './own-files.js';
import { DatabaseViews } from './database-views.js';
import { DriftQueries } from './drift.queries.js';
import { Registration } from './registration.js';
import { Vault } from './vault.js';

/** The registered databases, which every role needs. What HTTP offers of them is in `databases.module.ts`. */
@Module({
  providers: [
    { provide: Vault, inject: [CONFIG, CORE], useFactory: openVault },
    { provide: Candidates, inject: [CONFIG, CORE], useFactory: makeCandidates },
    { provide: Databases, inject: [CORE, Vault, Candidates, Lifecycle], useFactory: makeDatabases },
    AddressRules,
    AppliedSteps,
    DatabaseViews,
    DefaultDatabase,
    DriftQueries,
    DriftWatch,
    Registration,
  ],
  exports: [AddressRules, AppliedSteps, Databases, DatabaseViews, DriftQueries, Registration],
})
export class RegistryModule {}

function openVault(config: Config, core: CoreDatabase): Promise<Vault> {
  return Vault.open(config.CREDENTIALS_KEY, config.DATA_DIR, core);
}

async function makeCandidates(config: Config, core: CoreDatabase): Promise<Candidates> {
  return new Candidates(await coreIdentity(core), new OwnFiles(config.CORE_DATABASE_URL, config.DATA_DIR));
}

function makeDatabases(core: CoreDatabase, vault: Vault, candidates: Candidates, lifecycle: Lifecycle): Databases {
  const databases = new Databases(core, vault, candidates);
  lifecycle.onStop('databases', () => databases.close());
  return databases;
}
