import js from '@eslint/js';
import reactHooks from 'eslint-plugin-react-hooks';
import ts from 'typescript-eslint';

/** Imports go down only. Each room lists the rooms it may not reach into. */
const forbid = (files, groups, message) => ({
  files,
  ignores: ['**/*.test.ts'],
  rules: {
    '@typescript-eslint/no-restricted-imports': [
      'error',
      { patterns: groups.map(([group, allowTypeImports = false]) => ({ group, message, allowTypeImports })) },
    ],
  },
});

export default ts.config(
  {
    ignores: [
      'dist/**',
      'node_modules/**',
      'coverage/**',
      '.muster/**',
      'test/histories/**',
      'src/console/api/generated/**',
    ],
  },
  js.configs.recommended,
  ...ts.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ['*.js', '*.mjs'] } } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      eqeqeq: 'error',
    },
  },
  forbid(
    ['src/domain/**/*.ts'],
    [
      [
        [
          'zod',
          'node:*',
          '@temporalio/*',
          '**/store/**',
          '**/contract/**',
          '**/api/**',
          '**/mqtt/**',
          '**/devices/**',
          '**/runtime/**',
        ],
      ],
    ],
    'src/domain holds pure rules and imports nothing outside itself.',
  ),
  forbid(
    ['workflows/**/*.ts'],
    [
      [['zod', 'zod/*', 'node:*', 'kysely', 'pino', '@temporalio/client', '@temporalio/worker'], false],
      [['**/src/contract/**', '**/src/store/**', '**/src/devices/**', '**/activities/**'], true],
      [['**/src/api/**', '**/src/mqtt/**', '**/src/runtime/**', '**/src/cli/**'], false],
    ],
    'Workflow code stays light: domain rules and types only (a bundle with zod costs four times the memory).',
  ),
  forbid(
    ['src/contract/**/*.ts'],
    [
      [
        [
          '**/store/**',
          '**/api/**',
          '**/mqtt/**',
          '**/devices/**',
          '**/runtime/**',
          '**/workflows/**',
          '**/activities/**',
        ],
      ],
    ],
    'src/contract imports only src/domain.',
  ),
  forbid(
    ['src/store/**/*.ts'],
    [
      [
        [
          '**/api/**',
          '**/mqtt/**',
          '**/devices/**',
          '**/runtime/**',
          '**/cli/**',
          '**/activities/**',
          '**/workflows/**',
        ],
      ],
    ],
    'src/store answers questions; it knows nobody above it.',
  ),
  forbid(
    ['src/devices/**/*.ts', 'src/api/**/*.ts', 'src/mqtt/**/*.ts', 'activities/**/*.ts'],
    [[['**/runtime/**', '**/cli/**']]],
    'src/runtime wires the parts together; the parts do not reach for it.',
  ),
  { files: ['src/console/**/*.{ts,tsx}'], ...reactHooks.configs.flat.recommended },
  forbid(
    ['src/console/**/*.{ts,tsx}'],
    [
      [
        [
          'node:*',
          'zod',
          '**/contract/**',
          '**/store/**',
          '**/devices/**',
          '**/mqtt/**',
          '**/runtime/**',
          '**/cli/**',
        ],
      ],
    ],
    'src/console runs in browsers: of the rest it takes src/domain; the API comes as generated types.',
  ),
  {
    // Bodies of answers are what they are found to be: the tests look at them, types can't.
    files: ['test/**/*.ts', '**/*.test.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: ['*.js', '*.mjs', 'examples/**', 'scripts/**'],
    ...ts.configs.disableTypeChecked,
    languageOptions: {
      ...ts.configs.disableTypeChecked.languageOptions,
      globals: { module: 'writable', process: 'readonly', console: 'readonly' },
    },
  },
);
