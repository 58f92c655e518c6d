/**
 * Builds the web console into dist/console: types of the API from its OpenAPI document, a type check, the bundle, and
 * a gzip and a brotli file beside each asset. Does nothing when nothing has changed. Runs after tsc.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

const root = path.resolve(import.meta.dirname, '..');
const at = (...parts) => path.join(root, ...parts);
const output = at('dist/console');
const stamp = at('dist/.console.sha256');
const apiTypes = at('src/console/api/generated/schema.d.ts');

const { createOpenApiDocument } = createRequire(import.meta.url)(at('dist/src/contract/openapi.js'));
const openApi = createOpenApiDocument('0');
const inputs = hashInputs();
if (!fs.existsSync(output) || !fs.existsSync(stamp) || fs.readFileSync(stamp, 'utf8') !== inputs) {
  await writeApiTypes();
  checkTypes();
  const { build } = await import('vite');
  await build({ configFile: at('vite.config.mjs'), root: at('src/console'), logLevel: 'warn' });
  await compressAssets();
  fs.writeFileSync(stamp, inputs);
}

function hashInputs() {
  const hash = createHash('sha256').update(JSON.stringify(openApi));
  const files = [
    'package-lock.json',
    'vite.config.mjs',
    'scripts/build-console.mjs',
    ...filesUnder('src/console').filter((file) => at(file) !== apiTypes),
    ...filesUnder('src/domain'),
  ];
  for (const file of files) hash.update(file).update(fs.readFileSync(at(file)));
  return hash.digest('hex');
}

function filesUnder(directory) {
  return fs
    .readdirSync(at(directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    .sort();
}

async function writeApiTypes() {
  const { default: openapiTS, astToString } = await import('openapi-typescript');
  const types = astToString(await openapiTS(openApi));
  fs.mkdirSync(path.dirname(apiTypes), { recursive: true });
  fs.writeFileSync(apiTypes, types);
}

function checkTypes() {
  const tsc = [at('node_modules/typescript/bin/tsc'), '-p', at('src/console')];
  const { status } = spawnSync(process.execPath, tsc, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

/** The server hands them out as they are: nothing is compressed while somebody waits. */
async function compressAssets() {
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };
  const assets = filesUnder('dist/console/assets').map((file) => at(file));
  for (const asset of assets) {
    const content = fs.readFileSync(asset);
    fs.writeFileSync(`${asset}.br`, await promisify(brotliCompress)(content, quality));
    fs.writeFileSync(`${asset}.gz`, await promisify(gzip)(content, { level: 9 }));
  }
}
