/** A browser as people use one: a Chromium of this system, without a window. */
import fs from 'node:fs';
import path from 'node:path';
import axe from 'axe-core';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { HAPPENS_WITHIN_MS } from './deadlines';
import type { Muster } from './muster';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
const GET_IT = 'apt-get install chromium';
/** Nothing but the page itself: no window, no GPU, no calls home. */
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
/** How the browser notes answers of 400 and above, which a console may get. */
const REFUSED_CALL = 'Failed to load resource';
/** What a person would call broken. Moderate findings are matters of taste of landmarks and headings. */
const GRAVE = ['serious', 'critical'];

/** @returns its path: the one in CHROMIUM_PATH, or the first of the usual names on the PATH */
export function findChromium(env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (env.CHROMIUM_PATH) return env.CHROMIUM_PATH;
  const directories = (env.PATH ?? '').split(path.delimiter);
  const candidates = NAMES.flatMap((name) => directories.map((directory) => path.join(directory, name)));
  return candidates.find((candidate) => fs.existsSync(candidate));
}

/** `describe` where there is a Chromium; else its tests are skipped, with the line that gets it. */
export function describeWithChromium(name: string, tests: () => void): void {
  if (findChromium()) describe(name, tests);
  else describe.skip(`${name} (no Chromium here: ${GET_IT})`, tests);
}

export function launchChromium(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(`There is no Chromium here. Get it with: ${GET_IT}`);
  return chromium.launch({ executablePath, args: ARGS });
}

export interface Visitor {
  page: Page;
  /** What its policy forbids and it did, and what it failed at. */
  faults: string[];
  /** Goes to a place of the console and waits for its heading. */
  open(place: string): Promise<void>;
  close(): Promise<void>;
}

/** A browser of its own: nobody has signed in. */
export async function visit(
  browser: Browser,
  http: string,
  options: BrowserContextOptions = {},
): Promise<Visitor> {
  const context = await browser.newContext({
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
    ...options,
  });
  context.setDefaultTimeout(HAPPENS_WITHIN_MS);
  await context.addInitScript(
    `addEventListener('securitypolicyviolation', (event) =>
       console.error('forbidden by the policy:', event.violatedDirective, event.blockedURI));`,
  );
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    const isFault = message.type() === 'error' && !message.text().startsWith(REFUSED_CALL);
    if (isFault) faults.push(message.text());
  });
  return {
    page,
    faults,
    async open(place) {
      await page.goto(http + place);
      await page.getByRole('heading', { level: 1 }).waitFor();
    },
    close: () => context.close(),
  };
}

/** Signs in on the page that is open, which has to be the sign-in page. */
export async function signIn(page: Page, { key, secret }: Pick<Muster, 'key' | 'secret'>): Promise<void> {
  await page.getByLabel('API key').fill(key);
  await page.getByLabel('Secret', { exact: true }).fill(secret);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor({ state: 'attached' });
}

/** What keeps people from using the page: rule, element, and what is wrong with it. */
export async function barriers(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<axe.AxeResults>('axe.run()');
  return violations
    .filter(({ impact }) => GRAVE.includes(impact ?? ''))
    .flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${String(target)} ${failureSummary}`),
    );
}
