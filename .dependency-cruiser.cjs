/** The boundaries that ARCHITECTURE.md describes. `npm run boundaries` checks them. */

const SPEC = '\\.spec\\.ts$';
const TESTING = '(^|/)testing/';
const CHAOS = '^chaos/';
const BENCH = '^bench/';
const TESTS = [SPEC, TESTING, CHAOS, BENCH];
const INDEX = '^libs/[^/]+/src/index\\.ts$';
/** Loaded only where Redis is used: it costs a tenth of a second at every start. */
const LAZY = '^libs/sagas/src/queue/bullmq\\.ts$';
/** All of a package: its types count too. */
const npm = (...names) => `(^|/)node_modules/(@types/)?(${names.join('|')})(/|$)`;

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'event-store-knows-no-domain',
      comment:
        'The event store remembers facts of any kind. Once it knows tables or sagas it can no longer be ' +
        'understood, or tested, alone.',
      severity: 'error',
      from: { path: '^libs/event-store/' },
      to: { path: '^libs/(byodb|sagas|tables)/' },
    },
    {
      name: 'byodb-knows-no-events',
      comment:
        "Everything that touches a customer's database must be reviewable without knowing events, sagas or tables.",
      severity: 'error',
      from: { path: '^libs/byodb/' },
      to: { path: '^libs/(event-store|sagas|tables)/' },
    },
    {
      name: 'sagas-are-general',
      comment:
        'The orchestrator runs any steps. What it learnt of tables or of databases, every other saga would ' +
        'have to work around.',
      severity: 'error',
      from: { path: '^libs/sagas/' },
      to: { path: '^libs/(byodb|tables)/' },
    },
    {
      name: 'libs-know-no-app',
      comment:
        "Wiring happens in apps/ alone: a lib that reaches for it gets its adapter chosen behind the caller's back.",
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^apps/' },
    },
    {
      name: 'apps-only-through-index',
      comment: "A lib's index.ts is what it offers. What is imported past it can no longer be changed by itself.",
      severity: 'error',
      from: { pathNot: '^libs/' },
      to: { path: '^libs/[^/]+/src/', pathNot: [INDEX, LAZY] },
    },
    {
      name: 'libs-only-through-index',
      comment: 'The same between the libs.',
      severity: 'error',
      from: { path: '^libs/([^/]+)/' },
      to: { path: '^libs/[^/]+/src/', pathNot: ['^libs/$1/', INDEX, LAZY] },
    },
    {
      name: 'docs-only-render',
      comment:
        'What a call is stands beside its controller. A feature that reads docs/ has moved a part of itself there, ' +
        'and the two know each other.',
      severity: 'error',
      from: { path: '^apps/api/src/', pathNot: ['^apps/api/src/docs/', '^apps/api/src/app\\.module\\.ts$', ...TESTS] },
      to: { path: '^apps/api/src/docs/' },
    },
    {
      name: 'no-circular',
      comment:
        'In a cycle the order of loading decides whether an import is undefined, and no part can be taken ' +
        'or tested alone.',
      severity: 'error',
      from: {},
      // A cycle of types alone is gone before anything is loaded: a table holds its pending changes, which are of tables.
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-orphans',
      comment:
        'A file that imports nothing and that nothing imports is dead, or is code that somebody believes ' +
        'to be running.',
      severity: 'error',
      from: {
        orphan: true,
        pathNot: [
          SPEC,
          '\\.d\\.ts$',
          '^apps/[^/]+/src/main\\.ts$',
          '^crash-matrix/src/(main|worker)\\.ts$',
          '^testing/global-(setup|teardown)\\.js$',
        ],
      },
      to: {},
    },
    {
      name: 'sql-drivers-only-at-the-edge',
      comment: 'A driver anywhere else is SQL outside the adapters: without their locks, ledger and translated errors.',
      severity: 'error',
      from: { pathNot: ['^libs/byodb/', '^libs/event-store/src/core/', '^crash-matrix/src/servers\\.ts$', ...TESTS] },
      to: { path: npm('pg', 'mysql2', 'better-sqlite3') },
    },
    {
      name: 'knex-only-in-byodb',
      comment:
        "Knex builds statements for customers' databases. In the core database it would hide the ones that " +
        'the order of events depends on.',
      severity: 'error',
      from: { pathNot: ['^libs/byodb/', ...TESTS] },
      to: { path: npm('knex') },
    },
    {
      name: 'queue-only-in-its-folder',
      comment:
        'BullMQ only wakes the orchestrator up. Imported elsewhere, Redis soon holds something that its ' +
        'loss would lose.',
      severity: 'error',
      from: { pathNot: ['^libs/sagas/src/queue/', ...TESTS] },
      to: { path: npm('bullmq') },
    },
    {
      name: 'redis-only-for-the-queue',
      comment: 'As with BullMQ; the app may also connect and ask whether Redis is there.',
      severity: 'error',
      from: { pathNot: ['^libs/sagas/src/queue/', '^apps/api/', ...TESTS] },
      to: { path: npm('ioredis') },
    },
    {
      name: 'frameworks-only-in-apps',
      comment: 'The libs must run without HTTP and without injection: in a worker, in a test, in another framework.',
      severity: 'error',
      from: { pathNot: ['^apps/', ...TESTS] },
      to: { path: npm('@nestjs', 'fastify', '@fastify', 'reflect-metadata', 'rxjs') },
    },
    {
      name: 'no-tests-in-src',
      comment:
        'Specs and testing/ are not part of the build: src that imports them compiles here and fails in production.',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: TESTS },
      to: { path: TESTS },
    },
    {
      name: 'no-imported-specs',
      comment:
        'A spec that is imported runs its tests a second time, as part of the importer. Share helpers ' +
        'through testing/.',
      severity: 'error',
      from: {},
      to: { path: SPEC },
    },
    {
      name: 'no-dev-dependency-in-src',
      comment: 'Development dependencies are left out of the image: the import would fail at start.',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: TESTS },
      to: {
        dependencyTypes: ['npm-dev'],
        dependencyTypesNot: ['type-only', 'npm'],
        pathNot: '(^|/)node_modules/@types/',
      },
    },
    {
      name: 'no-undeclared-dependency',
      comment:
        'A package that is only there because another one brought it may go, or change its major version, ' +
        'with any update.',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-unresolvable',
      comment: 'An import that resolves to nothing escapes every other rule here.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    // imports of types alone are dependencies too: they decide what can be understood alone
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['types', 'import', 'node', 'default'],
      mainFields: ['types', 'typings', 'main'],
    },
  },
};
