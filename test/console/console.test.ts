/** The web console in a real browser, against a whole Muster with devices. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import type { Fleet } from '../../src/simulator/fleet';
import {
  barriers,
  describeWithChromium,
  launchChromium,
  signIn,
  visit,
  type Visitor,
} from '../support/browser';
import { connectDevice, createThing, type Device } from '../support/device';
import { eventually } from '../support/eventually';
import { createFleet, registerFleet } from '../support/fleet';
import { createJob, DOCUMENT, getJob, newDevice, untilJob } from '../support/jobs';
import { startMuster, type Muster } from '../support/muster';

const DEVICES = 6;
const FLEET_GROUP = 'com.example.thermostat (default)';
const PAGE = 50;

describeWithChromium('the web console', () => {
  let dataDir: string;
  let muster: Muster;
  let browser: Browser;
  let fleet: Fleet;
  let admin: Visitor;
  let page: Page;
  const devices: Device[] = [];

  beforeAll(async () => {
    dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-console-'));
    [muster, browser] = await Promise.all([startMuster({ dataDir }), launchChromium()]);
    await muster.api('POST', '/thing-types', { name: 'com.example.thermostat' });
    const things = await registerFleet(muster, 'boiler', DEVICES, {
      thingTypeName: 'com.example.thermostat',
    });
    fleet = createFleet(muster, things, () => ({
      outcome: 'SUCCEEDED',
      durationMs: 500,
      reports: 1,
      connectAfterMs: 0,
    }));
    await fleet.start();
    admin = await visit(browser, muster.http);
    page = admin.page;
    await admin.open('/sign-in');
    await signIn(page, muster);
  });

  afterAll(async () => {
    await Promise.all(devices.map((device) => device.close()));
    await fleet?.stop();
    await browser?.close();
    await muster?.stop();
    fs.rmSync(dataDir, { recursive: true, force: true });
  });

  /** One that waits for its orders. */
  async function device(name: string): Promise<Device> {
    const connected = await newDevice(muster, name);
    devices.push(connected);
    return connected;
  }

  const open = (place: string) => admin.open(place);
  const button = (name: string | RegExp) => page.getByRole('button', { name, exact: true });
  const dialog = () => page.getByRole('dialog');
  const rows = (table: string) => page.getByRole('table', { name: table }).locator('tbody tr');
  const countOf = (label: string) =>
    page.getByRole('group', { name: 'Executions by status' }).getByRole('button', { name: label });
  const untilText = (locator: Locator, text: string | RegExp) => locator.filter({ hasText: text }).waitFor();
  const untilCount = (locator: Locator, count: number) =>
    eventually(async () => expect(await locator.count()).toBe(count));

  async function writeDocument(text: string): Promise<void> {
    const editor = page.getByRole('textbox', { name: 'Document' });
    await editor.click();
    await editor.press('ControlOrMeta+a');
    await editor.press('Delete');
    await page.keyboard.insertText(text);
  }

  async function choose(field: string, typed: string, name = typed): Promise<void> {
    await page.getByRole('textbox', { name: field }).fill(typed);
    await page.getByRole('option', { name, exact: true }).click();
    // A list of several stays open after a choice, above what comes next; it closes behind whoever leaves the field.
    await page.getByRole('textbox', { name: field }).press('Tab');
  }

  async function pickFilter(label: string, option: string): Promise<void> {
    await page.getByRole('combobox', { name: label }).click();
    await page.getByRole('option', { name: option, exact: true }).click();
  }

  /** Every page there is. */
  async function places(): Promise<string[]> {
    const { body } = await muster.api('GET', '/jobs?name=Firmware');
    const job = `/jobs/${body.items[0].jobId}`;
    return [
      '/',
      '/jobs',
      '/jobs?name=none',
      '/jobs/new',
      job,
      `${job}?tab=targets`,
      `${job}?tab=document`,
      `${job}?tab=details`,
      `${job}/executions/boiler-1`,
      '/things',
      '/things/boiler-1',
      '/groups',
      '/groups/by%20hand',
      '/api-keys',
      '/nowhere',
    ];
  }

  describe('the way in', () => {
    it('asks who one is, refuses what is wrong, and goes on to where one wanted to go', async () => {
      const visitor = await visit(browser, muster.http);
      await visitor.open('/things?name=boiler-3');
      await visitor.page.getByRole('heading', { name: 'Sign in' }).waitFor();
      await visitor.page.getByLabel('API key').fill(muster.key);
      await visitor.page.getByLabel('Secret', { exact: true }).fill('not the secret');
      await visitor.page.keyboard.press('Enter');
      await visitor.page.getByRole('alert').filter({ hasText: 'Wrong key or secret' }).waitFor();

      await signIn(visitor.page, muster);
      await visitor.page.getByRole('link', { name: 'boiler-3' }).waitFor();
      expect(new URL(visitor.page.url())).toMatchObject({ pathname: '/things', search: '?name=boiler-3' });

      await visitor.page.getByRole('button', { name: 'Sign out' }).click();
      await visitor.page.getByRole('heading', { name: 'Sign in' }).waitFor();
      await visitor.open('/jobs');
      await visitor.page.getByRole('heading', { name: 'Sign in' }).waitFor();
      expect(visitor.faults).toEqual([]);
      await visitor.close();
    });

    it('takes key and secret as Muster prints them', async () => {
      const visitor = await visit(browser, muster.http, {
        permissions: ['clipboard-read', 'clipboard-write'],
      });
      await visitor.open('/sign-in');
      await paste(visitor.page.getByLabel('API key'), `${muster.key}:${muster.secret}`);
      await visitor.page.keyboard.press('Enter');
      await visitor.page.getByRole('heading', { name: 'Overview' }).waitFor();
      await visitor.close();
    });

    it('leads back to the sign-in page when the key is revoked', async () => {
      const { body: key } = await muster.api('POST', '/api-keys', {
        permissions: [{ methods: ['GET'], pathPrefix: '/api/v1' }],
      });
      const visitor = await visit(browser, muster.http);
      await visitor.open('/groups');
      await signIn(visitor.page, { key: key.apiKey, secret: key.apiSecret });
      await muster.api('DELETE', `/api-keys/${key.apiKey}`);
      // It may have been led there already, by something that it asked for by itself.
      await visitor.open('/things');
      await visitor.page.getByRole('heading', { name: 'Sign in' }).waitFor();
      expect(new URL(visitor.page.url()).searchParams.get('next')).toBe('/things');
      await visitor.close();
    });
  });

  describe('creating a job', () => {
    it('is done in the form, once, and watched to its end without a reload', async () => {
      await open('/jobs/new');
      await page.getByLabel('Name', { exact: true }).fill('Firmware v2.1.5');
      await page.getByLabel('Description').fill('Made in a browser');
      await choose('Group', 'com.example', FLEET_GROUP);
      await choose('Target Things', 'boiler-1');
      await page.getByText(`Will reach ${DEVICES} things now`).waitFor();
      await page.getByLabel('For the work').fill('30');

      await writeDocument('{\n  "action": updateFirmware\n}');
      await page.locator('.cm-lint-marker-error').waitFor();
      await button('Create Job').click();
      await page.getByText(/This is not JSON.*line 2/).waitFor();

      await writeDocument(JSON.stringify(DOCUMENT));
      // Twice before the page can answer.
      await button('Create Job').evaluate((element: any) => {
        element.click();
        element.click();
      });
      await page.getByRole('heading', { name: 'Firmware v2.1.5' }).waitFor();

      await untilText(page.getByRole('main'), 'Completed');
      await untilText(countOf('Succeeded'), String(DEVICES));
      await untilCount(rows('Executions').filter({ hasText: 'Succeeded' }), DEVICES);
      const { body } = await muster.api('GET', '/jobs?name=Firmware%20v2.1.5');
      expect(body.items).toHaveLength(1);
      expect(await getJob(muster, body.items[0].jobId)).toMatchObject({
        description: 'Made in a browser',
        targets: { thingNames: ['boiler-1'], thingGroupNames: [FLEET_GROUP] },
        document: DOCUMENT,
        timeoutConfig: { inProgressTimeoutInMinutes: 30 },
      });
    });

    it('shows how it went on each thing, the document, and where its workflow is', async () => {
      await rows('Executions').getByRole('link', { name: 'boiler-2' }).click();
      await untilText(dialog().getByRole('list').getByRole('listitem').first(), /Succeeded.*by the device/);
      await untilText(dialog().getByRole('listitem').last(), /Queued.*by the key admin/);
      const workflow = dialog().getByRole('link', { name: /Temporal/ });
      expect(decodeURIComponent((await workflow.getAttribute('href'))!)).toMatch(
        /^http:.*\/namespaces\/default\/workflows\/job\/[0-9a-f-]{36}\/thing\/boiler-2$/,
      );
      await page.keyboard.press('Escape');
      await dialog().waitFor({ state: 'detached' });

      await page.getByRole('tab', { name: 'Document' }).click();
      await untilText(page.getByLabel('Job document'), '"version": "2.1.5"');
      await page.getByRole('tab', { name: 'Details' }).click();
      await page.getByText('Made in a browser').waitFor();
    });

    it('begins anew with an existing job', async () => {
      await page.getByRole('link', { name: 'Create again' }).click();
      await eventually(async () =>
        expect(await page.getByLabel('Name', { exact: true }).inputValue()).toBe('Firmware v2.1.5'),
      );
      await untilText(page.getByRole('textbox', { name: 'Document' }), '"updateFirmware"');
      await page.getByText(`Will reach ${DEVICES} things now`).waitFor();
    });

    it('keeps every value of the document, also when it begins anew', async () => {
      const document = '{"serial": 9007199254740993, "scale": 1.0, "far": 1e400}';
      await open('/jobs/new?thing=boiler-1');
      await page.getByLabel('Name', { exact: true }).fill('Values');
      await writeDocument(document);
      await button('Create Job').click();
      await page.getByRole('tab', { name: 'Document' }).click();
      await untilText(
        page.getByLabel('Job document'),
        /"serial": 9007199254740993,\s+"scale": 1.0,\s+"far": 1e400/,
      );
      await page.getByRole('link', { name: 'Create again' }).click();
      await untilText(page.getByRole('textbox', { name: 'Document' }), '9007199254740993');
      await page.getByLabel('Name', { exact: true }).fill('Values again');
      await button('Create Job').click();
      await page.getByRole('heading', { name: 'Values again' }).waitFor();

      const { body } = await muster.api('GET', '/jobs?name=Values');
      expect(body.items).toHaveLength(2);
      const authorization = `Basic ${Buffer.from(`${muster.key}:${muster.secret}`).toString('base64')}`;
      for (const { jobId } of body.items) {
        const answer = await fetch(`${muster.http}/api/v1/jobs/${jobId}`, { headers: { authorization } });
        expect(await answer.text()).toContain(`"document":${document.replaceAll(' ', '')}`);
      }
    });

    it('goes with what was typed into a picker, or not at all', async () => {
      await open('/jobs/new');
      await page.getByLabel('Name', { exact: true }).fill('lost text');
      await writeDocument('{}');
      await choose('Target Things', 'boiler-1');
      const things = page.getByRole('textbox', { name: 'Target Things' });
      // Enter takes the match, at once, and does not send the form off.
      await things.fill('boiler-2');
      await things.press('Enter');
      await button('Take away boiler-2').waitFor();
      expect(await things.inputValue()).toBe('');
      expect(new URL(page.url()).pathname).toBe('/jobs/new');
      // Several begin so: none is taken, and the form does not go without it.
      await things.fill('boiler');
      await things.press('Enter');
      await button('Create Job').click();
      await page.getByText('“boiler” is not chosen yet').waitFor();
      expect((await muster.api('GET', '/jobs?name=lost')).body.items).toEqual([]);

      await things.fill('boiler-3');
      await page.getByText('is not chosen yet').waitFor({ state: 'detached' });
      await things.press('Enter');
      await button('Take away boiler-3').waitFor();
      await button('Create Job').click();
      await page.getByRole('heading', { name: 'lost text' }).waitFor();
      const [{ jobId }] = (await muster.api('GET', '/jobs?name=lost')).body.items;
      expect((await getJob(muster, jobId)).targets.thingNames).toEqual(['boiler-1', 'boiler-2', 'boiler-3']);
    });

    it('says at the field what the server refuses', async () => {
      await open('/jobs/new');
      await writeDocument('{}');
      await button('Create Job').click();
      await page.getByText('Choose at least one thing or one group').waitFor();

      await page.getByRole('textbox', { name: 'Target Things' }).fill('nobody-7');
      await page.getByText('No name holds “nobody-7”').waitFor();
      await page.getByRole('textbox', { name: 'Target Things' }).fill('');
      await paste(page.getByRole('textbox', { name: 'Target Things' }), 'boiler-1\nnobody-1\nnobody-2');
      await page.getByText('there is no thing "nobody-1"').first().waitFor();
      await page.getByLabel('In the queue').fill('0.001');
      await button('Create Job').click();
      await page.getByText('must be at least one second').waitFor();

      await page.getByLabel('In the queue').fill('');
      await button('Create Job').click();
      const field = page.getByRole('textbox', { name: 'Target Things' });
      await eventually(async () => expect(await field.getAttribute('aria-invalid')).toBe('true'));
      const complaint = page.locator(
        `[id="${(await field.getAttribute('aria-describedby'))!.split(' ').at(-1)}"]`,
      );
      await untilText(complaint, 'there is no thing "nobody-1"; there is no thing "nobody-2"');
    });
  });

  describe('the list of jobs', () => {
    const MANY = 120;

    beforeAll(async () => {
      await muster.api('POST', '/thing-groups', { name: 'nobody yet' });
      const numbers = Array.from({ length: MANY }, (_, i) => String(i + 1).padStart(3, '0'));
      for (let from = 0; from < MANY; from += 10) {
        await Promise.all(
          numbers
            .slice(from, from + 10)
            .map((number) =>
              createJob(muster, { name: `page ${number}`, targets: { thingGroupNames: ['nobody yet'] } }),
            ),
        );
      }
    });

    it('is paged, forth and back, and the address keeps the page', async () => {
      await open('/jobs?name=page');
      await untilCount(rows('Jobs'), PAGE);
      const first = await rows('Jobs').first().textContent();
      await button('Next').click();
      await page.getByText('Page 2').waitFor();
      await untilCount(rows('Jobs'), PAGE);
      await button('Next').click();
      await untilCount(rows('Jobs'), MANY - 2 * PAGE);
      expect(await button('Next').isDisabled()).toBe(true);
      await page.reload();
      await page.getByText('Page 3').waitFor();
      await untilCount(rows('Jobs'), MANY - 2 * PAGE);
      await button('Previous').click();
      await page.getByText('Page 2').waitFor();
      await button('First').click();
      await eventually(async () => expect(await rows('Jobs').first().textContent()).toBe(first));
    });

    it('is filtered and searched, in the address', async () => {
      await open('/jobs');
      await page.getByLabel('Search by name').fill('page 007');
      await untilCount(rows('Jobs'), 1);
      expect(new URL(page.url()).searchParams.get('name')).toBe('page 007');
      await pickFilter('Status', 'Canceled');
      await page.getByText('No job matches').waitFor();
      expect(new URL(page.url()).searchParams.get('status')).toBe('CANCELED');
      await button('Clear the filters').click();
      await untilCount(rows('Jobs'), PAGE);
      expect(new URL(page.url()).search).toBe('');
      await pickFilter('Job Type', 'Continuous');
      await page.getByText('No job matches').waitFor();
      await open('/jobs?name=page&status=COMPLETED&jobType=SNAPSHOT');
      await untilCount(rows('Jobs'), PAGE);
    });

    it('shows new jobs and their progress without a reload', async () => {
      const waiting = await device('list-1');
      await open('/jobs');
      const jobId = await createJob(muster, { name: 'appears', targets: { thingNames: ['list-1'] } });
      const row = rows('Jobs').filter({ hasText: 'appears' });
      await row.getByRole('img', { name: '1 thing: 1 queued' }).waitFor();
      await waiting.request('start-next');
      await waiting.request(`${jobId}/update`, { status: 'FAILED' });
      await row.getByRole('img', { name: '1 thing: 1 failed' }).waitFor();
      await untilText(row, 'Completed with 1 failure');
      await untilText(row, '100 % done');
    });
  });

  describe('ending a job', () => {
    /** A job that one device works on and another has not taken yet. */
    async function jobOnTwo(name: string): Promise<string> {
      const [busy] = await Promise.all([device(`${name}-busy`), createThing(muster, `${name}-away`)]);
      const jobId = await createJob(muster, {
        name,
        targets: { thingNames: [`${name}-busy`, `${name}-away`] },
      });
      await untilJob(muster, jobId, 'IN_PROGRESS', { QUEUED: 2 });
      await busy.request('start-next');
      await open(`/jobs/${jobId}`);
      await untilText(countOf('In progress'), '1');
      return jobId;
    }

    it('cancels without force: who has begun may finish', async () => {
      const jobId = await jobOnTwo('gentle');
      await button('Cancel Job').click();
      await dialog().getByText('1 queued execution will be canceled. 1 device at work').waitFor();
      await dialog().getByLabel('Reason code').fill('user cancel');
      await dialog().getByRole('button', { name: 'Cancel Job' }).click();
      await dialog().getByText('upper-case letters, digits and "_"').waitFor();
      await dialog().getByLabel('Reason code').fill('user_cancel');
      await dialog().getByLabel('Comment').fill('Wrong version');
      await dialog().getByRole('button', { name: 'Cancel Job' }).click();
      await dialog().waitFor({ state: 'detached' });
      await untilText(countOf('Canceled'), '1');
      await untilText(countOf('In progress'), '1');
      expect(await button('Cancel Job').count()).toBe(0);
      expect(await getJob(muster, jobId)).toMatchObject({
        status: 'CANCELED',
        reasonCode: 'USER_CANCEL',
        comment: 'Wrong version',
      });
    });

    it('cancels with force: nobody goes on', async () => {
      const jobId = await jobOnTwo('forced');
      await button('Cancel Job').click();
      await dialog().getByLabel('Stop them too (force)').check();
      await dialog().getByRole('button', { name: 'Cancel Job' }).click();
      await untilText(countOf('Canceled'), '2');
      await untilJob(muster, jobId, 'CANCELED', { CANCELED: 2 });
    });

    it('cancels and deletes one execution', async () => {
      const jobId = await jobOnTwo('single');
      await rows('Executions').getByRole('link', { name: 'single-busy' }).click();
      await button('Cancel execution').click();
      const confirmation = page.getByRole('dialog', { name: 'Cancel for single-busy' });
      await confirmation.getByLabel('Comment').fill('Taken off the wall');
      await confirmation.getByRole('button', { name: 'Cancel execution' }).click();
      await page.getByText('Taken off the wall').waitFor();
      await button('Delete record').click();
      await page
        .getByRole('dialog', { name: 'Delete the record of single-busy' })
        .getByRole('button', { name: 'Delete record' })
        .click();
      await untilCount(rows('Executions'), 1);
      await untilJob(muster, jobId, 'IN_PROGRESS', { QUEUED: 1 });
    });

    it('deletes, also a job in progress, and says what that means', async () => {
      const jobId = await jobOnTwo('deleted');
      await button('Delete Job').click();
      await dialog().getByText('This job is in progress').waitFor();
      await dialog().getByText('cannot be undone').waitFor();
      await page.keyboard.press('Escape');
      await dialog().waitFor({ state: 'detached' });
      await button('Delete Job').click();
      await dialog().getByRole('button', { name: 'Delete Job' }).click();
      await page.getByRole('heading', { name: 'Jobs', exact: true }).waitFor();
      await rows('Jobs').filter({ hasText: 'gentle' }).waitFor();
      await rows('Jobs')
        .filter({ hasText: /^deleted/ })
        .waitFor({ state: 'detached' });
      await open(`/jobs/${jobId}`);
      await page.getByText('There is no such job').waitFor();
    });
  });

  describe('things and groups', () => {
    it('registers a thing that connects with what is shown, and sees it come and go', async () => {
      await open('/things');
      await button('Register a thing').click();
      await dialog().getByLabel('Name').fill('boiler-1');
      await dialog().getByRole('button', { name: 'Register' }).click();
      await dialog().getByText('There is a thing').waitFor();
      await dialog().getByLabel('Name').fill('pump-1');
      await dialog().getByRole('combobox', { name: 'Thing type' }).fill('com.example.pump');
      await dialog().getByRole('combobox', { name: 'Tags' }).fill('cellar');
      await dialog().getByRole('combobox', { name: 'Tags' }).press('Enter');
      await dialog().getByRole('button', { name: 'Register' }).click();
      await dialog().getByText('shown this once').waitFor();
      const command = (await dialog().getByLabel('Command that connects the thing').textContent())!;
      const [, clientId, username, password] = /-i '(.+)' -u '(.+)' -P '(.+)'/.exec(command)!;
      await button('I have kept the password').click();

      await open('/things/pump-1');
      const pump = await connectDevice(muster, {
        clientId: clientId!,
        username: username!,
        password: password!,
      });
      await page.getByText('Online').waitFor();
      await pump.close();
      await page.getByText('Offline').waitFor();
      await page.getByText('com.example.pump').waitFor();
    });

    it('changes its tags, and takes its credentials away', async () => {
      await open('/things/pump-1');
      await button('Edit').click();
      await dialog().getByRole('combobox', { name: 'Tags' }).fill('pilot');
      await dialog().getByRole('combobox', { name: 'Tags' }).press('Enter');
      await dialog().getByRole('button', { name: 'Save' }).click();
      await untilText(page.getByRole('main'), 'cellarpilot');
      await button('Revoke credentials').click();
      await dialog().getByRole('button', { name: 'Revoke credentials' }).click();
      await page.getByText('The credentials of pump-1 are revoked.').waitFor();
    });

    it('makes groups by hand and by tags', async () => {
      await open('/groups');
      await button('Create group').click();
      await dialog().getByLabel('Name').fill('by hand');
      await dialog().getByRole('button', { name: 'Create group' }).click();
      await page.getByText('No things in this group').waitFor();
      await button('Add things').click();
      await choose('Things', 'pump', 'pump-1');
      await dialog().getByRole('button', { name: 'Add' }).click();
      await rows('Things in by hand').getByRole('link', { name: 'pump-1' }).waitFor();
      await button('Take pump-1 out of the group').click();
      await dialog().getByText('take back what is still queued for pump-1').waitFor();
      await page.keyboard.press('Escape');
      await dialog().waitFor({ state: 'detached' });
      await rows('Things in by hand').getByRole('link', { name: 'pump-1' }).waitFor();
      await button('Take pump-1 out of the group').click();
      await dialog().getByRole('button', { name: 'Take out' }).click();
      await page.getByText('No things in this group').waitFor();

      await open('/groups');
      await button('Create group').click();
      await dialog().getByLabel('Name').fill('by tags');
      await dialog().getByLabel('Dynamic').check();
      await dialog().getByRole('combobox', { name: 'Tags' }).fill('pilot');
      await dialog().getByRole('combobox', { name: 'Tags' }).press('Enter');
      await dialog().getByRole('button', { name: 'Create group' }).click();
      await rows('Things in by tags').getByRole('link', { name: 'pump-1' }).waitFor();
      expect(await button('Add things').count()).toBe(0);
    });
  });

  describe('a key without permissions', () => {
    it('made on the page of keys, is offered only what it may do', async () => {
      await open('/api-keys');
      await button('Create API key').click();
      await dialog().getByLabel('Name').fill('dashboard');
      await dialog().getByLabel('Read-only').check();
      await dialog().getByRole('button', { name: 'Create API key' }).click();
      const shown = (await dialog().getByLabel('Key and secret').textContent())!;
      await button('I have kept the secret').click();
      await rows('API keys').filter({ hasText: 'dashboard' }).filter({ hasText: 'Read-only' }).waitFor();

      const [key, secret] = shown.split(':') as [string, string];
      await createThing(muster, 'unheard');
      const jobId = await createJob(muster, { name: 'seen', targets: { thingNames: ['unheard'] } });
      const reader = await visit(browser, muster.http);
      await reader.open(`/jobs/${jobId}`);
      await signIn(reader.page, { key, secret });
      await reader.page.getByRole('heading', { name: 'seen' }).waitFor();
      for (const action of ['Create again', 'Cancel Job', 'Delete Job'])
        expect(await reader.page.getByText(action).count()).toBe(0);
      await reader.open('/things');
      await reader.page.getByRole('link', { name: 'boiler-1' }).waitFor();
      expect(await reader.page.getByText('Register a thing').count()).toBe(0);

      await reader.open('/jobs/new?thing=boiler-1');
      await reader.page.getByRole('textbox', { name: 'Document' }).click();
      await reader.page.keyboard.insertText('{}');
      await reader.page.getByRole('button', { name: 'Create Job' }).click();
      await reader.page.getByRole('alert').filter({ hasText: 'does not permit POST /api/v1/jobs' }).waitFor();

      await button('Revoke dashboard').click();
      await dialog().getByRole('button', { name: 'Revoke' }).click();
      await rows('API keys').filter({ hasText: 'dashboard' }).waitFor({ state: 'detached' });
      expect(reader.faults).toEqual([]);
      await reader.close();
    });

    it('sees no way to what it may not read, and is told so where it goes there', async () => {
      const { body: key } = await muster.api('POST', '/api-keys', {
        permissions: [{ methods: ['GET'], pathPrefix: '/api/v1/things' }],
      });
      const visitor = await visit(browser, muster.http);
      await visitor.open('/jobs');
      await signIn(visitor.page, { key: key.apiKey, secret: key.apiSecret });
      await visitor.page.getByRole('alert').filter({ hasText: 'does not permit GET /api/v1/jobs' }).waitFor();
      const places = visitor.page.getByRole('navigation', { name: 'Main' }).getByRole('link');
      expect(await places.allTextContents()).toEqual(['Things', 'API docs']);
      await visitor.close();
    });
  });

  it('lives across a restart of the server', async () => {
    const away = await device('patient');
    const jobId = await createJob(muster, { name: 'long', targets: { thingNames: ['patient'] } });
    await open(`/jobs/${jobId}`);
    await untilText(countOf('Queued'), '1');
    const port = new URL(muster.http).port;
    await muster.kill9();
    await page.getByText('Connection lost, trying again').waitFor();
    await untilText(countOf('Queued'), '1');
    await away.closed();

    muster = await startMuster({ dataDir, env: { MUSTER_HTTP_PORT: port } });
    await page.getByText('Connection lost, trying again').waitFor({ state: 'detached' });
    const { body } = await muster.api('POST', '/things/patient/credentials');
    const back = await connectDevice(muster, body.mqttCredentials);
    devices.push(back);
    await back.request('start-next');
    await back.request(`${jobId}/update`, { status: 'SUCCEEDED' });
    await untilText(countOf('Succeeded'), '1');
    await untilText(page.getByRole('main'), 'Completed');
  });

  it.each(['light', 'dark'] as const)('keeps nobody out, on no page in %s colours', async (colorScheme) => {
    const visitor = await visit(browser, muster.http, { colorScheme });
    await visitor.open('/sign-in');
    expect(await barriers(visitor.page)).toEqual([]);
    await signIn(visitor.page, muster);
    for (const place of await places()) {
      await visitor.open(place);
      await untilRead(visitor.page);
      expect({ place, barriers: await barriers(visitor.page) }).toEqual({ place, barriers: [] });
    }
    expect(visitor.faults).toEqual([]);
    await visitor.close();
  });

  it('fits on a telephone', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    for (const place of await places()) {
      await open(place);
      await untilRead(page);
      const width = await page.evaluate<number>('document.documentElement.scrollWidth');
      expect({ place, width }).toEqual({ place, width: 390 });
    }
  });

  it('did nothing that its policy forbids', () => {
    expect(admin.faults).toEqual([]);
  });
});

/** Nothing on the page is still to come. */
async function untilRead(page: Page): Promise<void> {
  await page
    .locator('[aria-busy="true"], [aria-label="Loading"], .mantine-Skeleton-root')
    .first()
    .waitFor({ state: 'detached' });
}

async function paste(field: Locator, text: string): Promise<void> {
  await field.page().evaluate(`navigator.clipboard.writeText(${JSON.stringify(text)})`);
  await field.press('ControlOrMeta+v');
}
