/** What the console says of a job between its statuses: while it is launched, while it is canceled, and after that. */
import type { Browser, Page } from 'playwright-core';
import { describeWithChromium, launchChromium, signIn, visit, type Visitor } from '../support/browser';
import type { Device } from '../support/device';
import { eventually } from '../support/eventually';
import { registerFleet } from '../support/fleet';
import { createJob, getJob, newDevice, untilJob } from '../support/jobs';
import { startMuster, type Muster } from '../support/muster';

/** Launching them takes much longer than to look at it. */
const SILENT = 2_000;
const THINGS = '2,001';
const PAGE = 50;

describeWithChromium('a job between its statuses', () => {
  let muster: Muster;
  let browser: Browser;
  let visitor: Visitor;
  let page: Page;
  let busy: Device;
  let jobId: string;

  beforeAll(async () => {
    [muster, browser] = await Promise.all([startMuster(), launchChromium()]);
    await muster.api('POST', '/thing-types', { name: 'com.example.meter' });
    await registerFleet(muster, 'silent', SILENT, { thingTypeName: 'com.example.meter' });
    busy = await newDevice(muster, 'busy');
    visitor = await visit(browser, muster.http);
    page = visitor.page;
    await visitor.open('/sign-in');
    await signIn(page, muster);
    jobId = await createJob(muster, {
      name: 'for many',
      targets: { thingNames: ['busy'], thingGroupNames: ['com.example.meter (default)'] },
    });
  });

  afterAll(async () => {
    await busy?.close();
    await browser?.close();
    await muster?.stop();
  });

  const rows = (table: string) => page.getByRole('table', { name: table }).locator('tbody tr');
  const row = (table: string) => rows(table).filter({ hasText: 'for many' });
  const dialog = () => page.getByRole('dialog');
  const status = () => page.getByRole('main').locator('span[aria-live]');
  const untilStatus = (text: string | RegExp) => status().filter({ hasText: text }).waitFor();
  const launching = new RegExp(`Launching, [\\d,]+ of ${THINGS}`);

  async function untilAllRows(table: string, text: string): Promise<void> {
    await eventually(async () => {
      expect(await rows(table).count()).toBe(PAGE);
      expect(await rows(table).filter({ hasText: text }).count()).toBe(PAGE);
    });
  }

  it('is launching, with figures, wherever it is shown', async () => {
    await visitor.open('/');
    await row('Running jobs').filter({ hasText: launching }).waitFor();
    await visitor.open('/jobs');
    await row('Jobs').filter({ hasText: launching }).waitFor();
    await visitor.open(`/jobs/${jobId}`);
    await untilStatus(launching);
    await page.getByRole('img', { name: /^2,001 things: .*, [\d,]+ not launched yet$/ }).waitFor();
  });

  it('lists its targets by state, page by page', async () => {
    await page.getByRole('tab', { name: 'Targets' }).click();
    await untilAllRows('Targets', '');
    await rows('Targets').filter({ hasText: 'busy' }).filter({ hasText: 'Launched' }).waitFor();
    await page.getByRole('combobox', { name: 'Target state' }).click();
    await page.getByRole('option', { name: 'Waiting to be launched', exact: true }).click();
    await untilAllRows('Targets', 'Waiting to be launched');
    await page.getByRole('button', { name: 'Next', exact: true }).click();
    await page.getByText('Page 2').waitFor();
    await untilAllRows('Targets', 'Waiting to be launched');
  });

  it('is canceling, with figures, and then says how many things it never reached', async () => {
    await busy.request('start-next');
    await visitor.open(`/jobs/${jobId}`);
    await page
      .getByRole('group', { name: 'Executions by status' })
      .getByRole('button', { name: 'In progress' })
      .filter({ hasText: '1' })
      .waitFor();
    await page.getByRole('button', { name: 'Cancel Job', exact: true }).click();
    await dialog()
      .getByText(/things will not get the job/)
      .first()
      .waitFor();
    await dialog().getByRole('button', { name: 'Cancel Job' }).click();
    await untilStatus(/Canceling, [\d,]+ of [\d,]+/);

    const { targetCounts } = await untilJob(
      muster,
      jobId,
      'CANCELED',
      { QUEUED: 0, IN_PROGRESS: 1 },
      120_000,
    );
    const never = `${targetCounts.notLaunched.toLocaleString('en')} never launched`;
    await untilStatus(`Canceled ${never}`);
    await page.getByRole('link', { name: never }).click();
    await untilAllRows('Targets', 'Never launched');
    await visitor.open('/jobs');
    await row('Jobs').filter({ hasText: never }).waitFor();
  }, 240_000);

  it('lets devices at work be stopped after all', async () => {
    await visitor.open(`/jobs/${jobId}`);
    await page.getByText('1 device is still at work on this job and may finish.').waitFor();
    await page.getByRole('button', { name: 'Stop them too' }).click();
    await dialog().getByText('1 execution in progress will be canceled.').waitFor();
    await dialog().getByLabel('Comment').fill('It heats up');
    await dialog().getByRole('button', { name: 'Stop them too' }).click();
    await dialog().waitFor({ state: 'detached' });
    await page.getByText('still at work').waitFor({ state: 'detached' });
    await untilJob(muster, jobId, 'CANCELED', { IN_PROGRESS: 0 });
    expect(await getJob(muster, jobId)).toMatchObject({ comment: 'It heats up', forceCanceled: true });
    expect(await busy.request(`${jobId}/update`, { status: 'SUCCEEDED' })).toMatchObject({
      accepted: false,
      body: { code: 'InvalidStateTransition' },
    });
    expect(visitor.faults).toEqual([]);
  });
});
