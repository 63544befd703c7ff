import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** Only rules that find mistakes; how code looks is the business of Prettier. */

const only = 'a focused test keeps all others from running, and the run stays green';
const FOCUSED = [
  {
    selector: 'MemberExpression[property.name="only"][object.name=/^(describe|it|test)$/]',
    message: `.only: ${only}`,
  },
  { selector: 'CallExpression[callee.name=/^(fdescribe|fit)$/]', message: only },
];

const ENGINES = ['postgres', 'mysql', 'sqlite'];
/** Whoever compares a name decides for engines that are yet to come, and nobody sees it when one does. */
const notSpelled = (names) => [
  'error',
  ...FOCUSED,
  {
    selector: `Literal[value=/^(${names.join('|')})$/]`,
    message: "ask a fact of the engine instead of its name; the list of engines is 'engines/names.ts'",
  },
];

const NO_ENV = ['process', 'node:process'].map((name) => ({ name, importNames: ['env'] }));
const ONLY_BY_ENTRY = {
  name: '@nestjs/common',
  importNames: ['All', 'Delete', 'Get', 'Head', 'HttpCode', 'Options', 'Patch', 'Post', 'Put', 'RequestMapping'],
  message: 'a route is @Route(entry), so that the document tells the same of it',
};

export default defineConfig(
  globalIgnores(['**/dist/', '**/node_modules/', '**/coverage/', '**/data/']),
  {
    extends: [js.configs.recommended],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'eqeqeq': ['error', 'always', { null: 'ignore' }], // == null asks for undefined as well
      'no-empty': ['error', { allowEmptyCatch: false }],
      'no-unused-vars': 'off', // the compiler's noUnusedLocals and noUnusedParameters know types as well
      'no-restricted-syntax': ['error', ...FOCUSED],
    },
  },

  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.base, tseslint.configs.eslintRecommended],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/ban-ts-comment': 'error',
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
      ],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/prefer-promise-reject-errors': 'error',
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    // Nest reads the injected classes from the decorators' metadata, which a type import would leave out
    files: ['apps/api/**/*.ts'],
    rules: { '@typescript-eslint/consistent-type-imports': 'off' },
  },

  {
    files: ['libs/byodb/src/**'],
    ignores: ['**/*.spec.ts', '**/testing/**', 'libs/byodb/src/engines/**'],
    rules: { 'no-restricted-syntax': notSpelled(ENGINES) },
  },
  {
    files: ['apps/*/src/**', 'libs/tables/src/**'],
    ignores: ['**/*.spec.ts'],
    rules: { 'no-restricted-syntax': notSpelled(ENGINES) },
  },
  ...ENGINES.map((own) => ({
    files: [`libs/byodb/src/engines/${own}/**`],
    ignores: ['**/*.spec.ts', '**/testing/**'],
    rules: { 'no-restricted-syntax': notSpelled(ENGINES.filter((name) => name !== own)) },
  })),

  {
    files: ['**/*.js', '**/*.cjs', '**/*.mjs'],
    languageOptions: { globals: nodeGlobals() },
  },
  {
    files: ['**/*.cjs'],
    languageOptions: { sourceType: 'commonjs' },
  },

  {
    files: ['libs/**', 'apps/**'],
    ignores: ['**/*.spec.ts', '**/testing/**'],
    rules: { 'no-restricted-imports': ['error', { paths: NO_ENV }] },
  },
  {
    files: ['apps/api/src/**'],
    ignores: ['**/*.spec.ts', 'apps/api/src/http/route.ts'],
    rules: { 'no-restricted-imports': ['error', { paths: [...NO_ENV, ONLY_BY_ENTRY] }] },
  },
  {
    files: ['libs/**', 'apps/**'],
    ignores: ['**/*.spec.ts', '**/testing/**', 'apps/api/src/config.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message:
            'apps/api/src/config.ts alone reads the environment: elsewhere a misspelt or unchecked variable ' +
            'goes unnoticed',
        },
      ],
    },
  },
  {
    files: ['libs/**', 'apps/**'],
    ignores: ['**/*.spec.ts', '**/testing/**', '**/main.ts'],
    rules: { 'no-console': 'error' },
  },
);

function nodeGlobals() {
  const names = [
    'process',
    'console',
    'Buffer',
    'URL',
    'setTimeout',
    'clearTimeout',
    'setInterval',
    'clearInterval',
    'setImmediate',
    'performance',
    'structuredClone',
    'fetch',
    'AbortController',
    'AbortSignal',
    'TextEncoder',
    'TextDecoder',
    'globalThis',
  ];
  return Object.fromEntries(names.map((name) => [name, 'readonly']));
}
