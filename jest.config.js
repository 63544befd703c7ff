import { FOLDERS, specsByTier } from './testing/tiers.js';

const shared = {
  roots: FOLDERS.map((folder) => `<rootDir>/${folder}`),
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^#sagas/bullmq$': '<rootDir>/libs/sagas/src/queue/bullmq.ts',
    '^#([a-z-]+)$': '<rootDir>/libs/$1/src/index.ts',
  },
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
        },
        module: { type: 'es6' },
      },
    ],
  },
};

const servers = {
  globalSetup: '<rootDir>/testing/global-setup.js',
  globalTeardown: '<rootDir>/testing/global-teardown.js',
};

/** Jest in ESM mode: Nest 12 is ESM only (see docs/adr). Run through `npm run jest`, which sets the VM modules flag. */
export default {
  projects: Object.entries(specsByTier()).map(([tier, specs]) => ({
    ...shared,
    ...(tier === 'unit' ? {} : servers),
    displayName: tier,
    testMatch: specs.map((spec) => `<rootDir>/${spec}`),
  })),
  testSequencer: '<rootDir>/testing/sequencer.js',
  testTimeout: 60000,
  // More than the two cores it is meant for: specs wait for servers half of their time.
  maxWorkers: 3,
};
