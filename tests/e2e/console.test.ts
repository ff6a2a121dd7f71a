import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import axe from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { AgentUpdate } from '../../src/model/enrollment.ts';
import { Severity } from '../../src/model/kit.ts';
import { chromiumPath, launch } from './browser.ts';
import { demoWaitingForApproval, type WaitingDemo } from './demo.ts';

const SHOTS = join(import.meta.dirname, '../../test-results');
const PAGES = [
  '/',
  '/hosts',
  '/scans',
  '/sources',
  '/unknown',
  '/deployments',
  '/findings',
  '/vulnerabilities',
  '/compliance',
  '/policies',
  '/graph',
  '/exceptions',
  '/changes',
  '/campaigns/heartbleed',
  '/trail',
  '/documents',
  '/account',
  '/no-such-page',
];
const executable = chromiumPath();
const skip = executable ? false : 'Chromium is not installed; the console is not driven here';

let demo: WaitingDemo;
let browser: Browser;
let context: BrowserContext;
let page: Page;
const problems: string[] = [];

before(async () => {
  if (!executable) return;
  mkdirSync(SHOTS, { recursive: true });
  demo = await demoWaitingForApproval();
  browser = await launch(executable);
  context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  page = await context.newPage();
  page.on('console', (message) => {
    // A 401 of the first "who am I" is how the console learns that it must ask.
    if (message.type() === 'error' && !/401/.test(message.text())) problems.push(`${page.url()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.push(`${page.url()}: ${error.message}`));
});
after(async () => {
  await browser?.close();
  if (demo && !demo.running()) console.error(`The demo had ended by itself:\n${demo.said().slice(-3000)}`);
  await demo?.stop();
});

async function settle(): Promise<void> {
  await page.waitForFunction(() => !document.querySelector('[aria-label="Loading"]'), undefined, { timeout: 15_000 });
  await page.waitForTimeout(150);
}

async function open(path: string): Promise<void> {
  await page.goto(`${demo.url}${path}`);
  await page.waitForSelector('h1');
  await settle();
}

interface AxeResult {
  violations: { id: string; nodes: { target: unknown; failureSummary?: string }[] }[];
}
async function accessible(what: string, rules?: readonly string[]): Promise<void> {
  await page.evaluate(axe.source);
  const options = { resultTypes: ['violations'], ...(rules ? { runOnly: { type: 'rule', values: rules } } : {}) };
  const result = (await page.evaluate(`axe.run(document, ${JSON.stringify(options)})`)) as AxeResult;
  const found = result.violations.map(
    (v) => `${what}: ${v.id}: ${v.nodes.map((n) => `${String(n.target)} ${n.failureSummary ?? ''}`).join(' | ')}`,
  );
  assert.deepEqual(found, []);
}

test(
  'a stranger is asked to sign in, a wrong password is refused in words, the right one opens the page they came for',
  { skip },
  async () => {
    await page.goto(`${demo.url}/hosts`);
    await page.waitForURL('**/sign-in');
    await accessible('sign-in');
    await page.getByLabel('Name').fill(demo.name);
    await page.locator('input[type=password]').fill('wrong password');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').waitFor();
    assert.match(await page.getByRole('alert').innerText(), /not right/);
    problems.length = 0;
    await page.locator('input[type=password]').fill(demo.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    // Back to where they were sent away from.
    await page.getByRole('heading', { name: 'Hosts' }).waitFor();
  },
);

test('the estate can be looked at: hosts nobody listed, what burns, who depends on whom', { skip }, async () => {
  await open('/hosts');
  await page.getByRole('radiogroup').getByText('Unknown', { exact: true }).click();
  assert.ok((await page.locator('tbody tr').count()) >= 1);
  await open('/findings');
  await page.locator('tbody button').first().click();
  await page.getByRole('dialog').getByText('Evidence').waitFor();
  await page.keyboard.press('Escape');
  await open('/graph');
  const node = page.locator('.node').last();
  await node.focus();
  await page.keyboard.press('Enter');
  await page.getByText(/^If .* restarts$/).waitFor();
});

test(
  'the approver signs the plan with their own key in the browser and sees it run to its end without reloading',
  { skip, timeout: 500_000 },
  async () => {
    await page.goto(demo.changeUrl);
    await page.getByText('Waiting for approval').waitFor();
    await settle();
    // What is signed can be read before: each step of each host, as this browser hashed it.
    await page.getByText('this browser read it').waitFor();
    await page.getByRole('button', { name: /^pay\b/ }).click();
    await page
      .getByText(/upgrade nodejs from 0\.10\.\d-1 to 0\.10\.48-1/)
      .filter({ visible: true })
      .first()
      .waitFor();
    await page.screenshot({ path: join(SHOTS, 'change-waiting.png'), fullPage: true });
    const chooser = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: 'Choose your approver key file' }).click();
    await (await chooser).setFiles(demo.keyFile);
    await page.getByRole('button', { name: /^Approve and sign/ }).click();
    await page.getByText('Signed by key').waitFor();
    await page.getByText('Observed', { exact: true }).waitFor({ timeout: 180_000 });
    await page.getByText('Change record (HTML)').waitFor();
  },
);

/** What an operator does on a page of their own. */
async function asOperator<T>(work: (own: Page) => Promise<T>): Promise<T> {
  const session = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  try {
    const own = await session.newPage();
    await own.goto(`${demo.url}/hosts`);
    await own.getByLabel('Name').fill('demo-operator');
    await own.locator('input[type=password]').fill(demo.password);
    await own.getByRole('button', { name: 'Sign in' }).click();
    await own.getByRole('heading', { name: 'Hosts' }).waitFor();
    return await work(own);
  } finally {
    await session.close();
  }
}

let asked = '';

test(
  '2.2: an operator picks hosts that nobody manages and deploys to them; why it failed stands there',
  { skip },
  async () => {
    asked = await asOperator(async (own) => {
      await own.getByRole('radiogroup').getByText('Not managed', { exact: true }).click();
      await own.locator('tbody tr').first().waitFor();
      await own.locator('tbody input[type=checkbox]').first().check();
      await own.screenshot({ path: join(SHOTS, 'hosts-picked.png'), fullPage: true });
      await own.getByRole('button', { name: 'Deploy to 1 host' }).click();
      await own.getByRole('dialog').getByText('Tried in this order').waitFor();
      await own.waitForTimeout(300);
      await own.screenshot({ path: join(SHOTS, 'deploy-dialog.png') });
      await own.getByRole('button', { name: 'Deploy now' }).click();
      await own.getByRole('heading', { name: 'Deployment', exact: true }).waitFor();
      // Without reloading.
      await own.getByText(/refused with every credential tried/).waitFor({ timeout: 30_000 });
      await own.screenshot({ path: join(SHOTS, 'deployment-failed.png'), fullPage: true });
      await own.goto(`${demo.url}/hosts?show=unmanaged`);
      await own.locator('tbody input[type=checkbox]').first().check();
      await own.getByRole('button', { name: 'Deploy to 1 host' }).click();
      await own.getByLabel('Do nothing before an approver has signed').check();
      await own.getByRole('button', { name: 'Ask for approval' }).click();
      await own.getByText('Waiting for approval: 0 of 1').waitFor();
      await own.getByText('You asked for this deployment').waitFor();
      return own.url();
    });
  },
);

test('2.7: an approver signs a deployment in the browser, as it was read and hashed there', { skip }, async () => {
  await page.goto(asked);
  await page.getByText('this browser read it').waitFor();
  await settle();
  await page.screenshot({ path: join(SHOTS, 'deployment-waiting.png'), fullPage: true });
  await accessible('a deployment that waits');
  await page.getByRole('button', { name: /^Approve and sign/ }).click();
  await page.getByText(/refused with every credential tried/).waitFor({ timeout: 30_000 });
  await page.getByText('approved by demo-approver').waitFor();
});

test('what a page shows stands in its address: Back returns to it', { skip, timeout: 300_000 }, async () => {
  // The demo goes on after its change: a finding that was fixed comes back. Rows are counted when it is over.
  while (demo.running() && !demo.said().includes('Everything stays up until Ctrl-C')) await page.waitForTimeout(200);
  await open('/findings?state=fixed&kit=heartbleed');
  const rows = await page.locator('tbody tr').count();
  assert.ok(rows >= 1);
  await page.locator('tbody button').first().click();
  await page.waitForURL(/finding=/);
  await page.getByRole('dialog').getByText('Fixed by').waitFor();
  await page.goBack();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.equal(await page.locator('tbody tr').count(), rows);
});

test('findings stand with the worst first, on the page of a host, too', { skip }, async () => {
  for (const path of ['/findings', await hostPath()]) {
    await open(path);
    const table = page.getByRole('table', { name: 'Findings', exact: true });
    await table.locator('tbody tr').first().waitFor();
    const said = (await table.locator('tbody tr td:first-child').allInnerTexts()).map((text) => text.toLowerCase());
    const ranks = said.map((text) => Severity.options.findIndex((one) => text.includes(one)));
    assert.ok(ranks.every((rank) => rank >= 0) && new Set(ranks).size > 1, said.join());
    assert.deepEqual(
      ranks,
      ranks.toSorted((a, b) => a - b),
      path,
    );
  }
});

test('a server that does not answer is said to be so, and nobody is sent away', { skip }, async () => {
  await page.route('**/api/v1/**', (route) => route.abort());
  await page.goto(`${demo.url}/findings`);
  await page.getByText('Server not reachable').waitFor();
  assert.equal(new URL(page.url()).pathname, '/findings');
  await page.unroute('**/api/v1/**');
  await page.locator('tbody tr').first().waitFor();
  await page.getByText('Server not reachable').waitFor({ state: 'detached' });
  problems.length = 0;
});

/** The page of the host that the most is written on: long names, identifiers and notes. */
async function hostPath(): Promise<string> {
  const reply = await page.request.get(`${demo.url}/api/v1/hosts`);
  const { items } = (await reply.json()) as { items: { id: string; note: string | null; identifiers: unknown[] }[] };
  const size = (host: (typeof items)[number]): number => (host.note?.length ?? 0) + host.identifiers.length;
  return `/hosts/${items.toSorted((a, b) => size(b) - size(a))[0]!.id}`;
}

/** Cells of tables that one would have to scroll sideways to. */
function offScreen(): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll('td, tbody th')]
      .filter((cell) => cell.getBoundingClientRect().right > window.innerWidth)
      .map((cell) => cell.textContent ?? ''),
  );
}

test('what is not there is said to be so, with a way on', { skip }, async () => {
  await open('/hosts/host_nosuch');
  await page.getByRole('heading', { name: 'There is no such host' }).waitFor();
  await page.getByRole('link', { name: 'To all hosts' }).click();
  await page.getByRole('heading', { name: 'Hosts' }).waitFor();
  await open('/changes/change_nosuch');
  await page.getByRole('heading', { name: 'There is no such change' }).waitFor();
  await open('/campaigns/nope');
  await page.getByRole('heading', { name: 'There is no such page' }).waitFor();
  // The browser logs each refusal itself.
  problems.length = 0;
});

/** The agents of the demo have the program of its server, so there is nothing to update: the server's part is played. */
async function playUpdate(): Promise<string> {
  const part = (hostName: string, wave: number, state: AgentUpdate['hosts'][number]['state'], why: string | null) => ({
    hostId: `host_${hostName}`,
    hostName,
    agentId: `agent_${hostName}`,
    wave,
    state,
    why,
  });
  const update: AgentUpdate = AgentUpdate.parse({
    id: 'update_1',
    state: 'running',
    version: '0.2.0',
    program: '5'.repeat(64),
    release: '{}',
    digest: '6'.repeat(64),
    author: 'user_olga',
    authorName: 'Olga',
    approvalsRequired: 1,
    approvals: [{ person: 'user_anna', name: 'Anna', keyId: 'a'.repeat(16), at: new Date().toISOString() }],
    why: null,
    createdAt: new Date().toISOString(),
    finishedAt: null,
    counts: { waiting: 1, offered: 1, away: 1, done: 1, failed: 0, superseded: 0 },
    hosts: [
      part('web-1', 0, 'away', 'it has not asked since; it gets the program when it does'),
      part('web-2', 1, 'done', null),
      part('db-1', 1, 'offered', null),
      part('db-2', 2, 'waiting', null),
    ],
  });
  await page.route('**/api/v1/agent-updates', (route) => route.fulfill({ json: { items: [update] } }));
  await page.route('**/api/v1/agent-updates/*', (route) => route.fulfill({ json: update }));
  return `/agent-updates/${update.id}`;
}

function nameOf(path: string): string {
  const [first = 'overview', second] = path.split('/').filter(Boolean);
  return second && first === 'deployments' ? 'deployment' : first;
}

async function shown(path: string, name: string, width: number, scheme: string, rules?: string[]): Promise<void> {
  await page.screenshot({ path: join(SHOTS, `${name}-${width}-${scheme}.png`), fullPage: true });
  await accessible(`${path} at ${width} px, ${scheme}`, rules);
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(wider <= 0, `${path} is ${wider} px wider than a screen of ${width}`);
  assert.deepEqual(await offScreen(), [], `${path} at ${width} px`);
}

test('every page is accessible and quiet, wide and narrow, light and dark', { skip, timeout: 500_000 }, async () => {
  const host = await hostPath();
  const update = await playUpdate();
  for (const [width, height] of [
    [1440, 900],
    [390, 844],
  ] as const) {
    await page.setViewportSize({ width, height });
    for (const path of [...PAGES, new URL(demo.changeUrl).pathname, new URL(asked).pathname, update, host]) {
      await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
      await open(path);
      await shown(path, path === host ? 'host' : nameOf(path), width, 'light');
      // The same page in other colours: what else there is to object to was found in the first ones.
      await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
      await page.waitForSelector('[data-mantine-color-scheme=dark]');
      await shown(path, path === host ? 'host' : nameOf(path), width, 'dark', ['color-contrast']);
    }
  }
  assert.deepEqual(problems, []);
});

test('a plan that is not the one to be signed is refused by the browser itself', { skip }, async () => {
  const other = await browser.newPage({ storageState: await context.storageState() });
  await other.route('**/api/v1/changes/*/plan', async (route) => {
    const reply = await route.fetch();
    const plan = (await reply.json()) as { text: string; digest: string };
    await route.fulfill({ response: reply, json: { ...plan, text: plan.text.replace('0.10.48-1', '0.10.47-1') } });
  });
  await other.goto(demo.changeUrl);
  await other
    .getByText(/the server shows a plan with digest .* but asks to sign .*; nothing was signed/)
    .first()
    .waitFor();
  assert.equal(await other.getByText('this browser read it').count(), 0);
  await other.close();
});

test('a document opens and signing out ends the session', { skip }, async () => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await open('/documents');
  const href = await page
    .getByRole('link', { name: /Change record .* as HTML/ })
    .first()
    .getAttribute('href');
  const reply = await page.request.get(`${demo.url}${href}`);
  assert.equal(reply.status(), 200);
  assert.match(await reply.text(), /<h1/);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL('**/sign-in');
  assert.equal((await page.request.get(`${demo.url}/api/v1/me`)).status(), 401);
});
