// The page to sell from, in a browser, on a real station: log in, sell, print again, administrate.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, test } from 'node:test';
import { browse, until, violations } from './panel.mjs';

let browser, station, port;

before(async () => {
  browser = await browse();
  station = spawn(process.env.MAGNO, ['vend', '--demo', '--rounds', '10', '--port', '0', '--json'],
    { stdio: ['ignore', 'pipe', 'inherit'] });
  port = await new Promise((resolve, reject) => {
    station.once('error', reject);
    station.stdout.once('data', (line) => resolve(JSON.parse(line).vend));
  });
});
after(async () => {
  await browser.close();
  const ended = new Promise((resolve) => station.once('exit', resolve));
  station.kill('SIGTERM');
  assert.equal(await ended, 0);
});

async function visit(who, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 860 }, ...options });
  const page = await context.newPage();
  page.wrong = [];
  page.on('console', (m) => m.type() === 'error' && page.wrong.push(m.text()));
  page.on('pageerror', (e) => page.wrong.push(String(e)));
  page.on('request', (r) => new URL(r.url()).host !== `127.0.0.1:${port}` && !r.url().startsWith('blob:') && page.wrong.push(`asks ${r.url()}`));
  await page.goto(`http://127.0.0.1:${port}/`);
  if (who) {
    await page.fill('#operator', who);
    await page.fill('#password', who);
    await page.click('#login button');
    await page.waitForSelector('#tabs button');
  }
  return page;
}

const done = async (page) => {
  assert.deepEqual(page.wrong, []);
  await page.context().close();
};

test('a stranger sees the door alone', async () => {
  const page = await visit(null);
  assert.ok(await page.isHidden('#desk'));
  await page.fill('#operator', 'clerk');
  await page.fill('#password', 'wrong');
  await page.click('#login button');
  await until(async () => (await page.textContent('#say')) === 'operator or password is wrong', 'the answer');
  page.wrong = page.wrong.filter((w) => !w.includes('401'));
  assert.deepEqual(await violations(page), []);
  await done(page);
});

test('sells ten kilowatt-hours by keyboard', async () => {
  const page = await visit('clerk');
  await page.keyboard.type('00000000018');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#sell:not([hidden])');
  await page.keyboard.press('Tab');
  await page.keyboard.type('10');
  await until(async () => /^pays 2\.88, gets 10\.0 kWh$/.test(await page.textContent('#quote')), 'the quote');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#receipt .token');
  assert.ok((await page.isHidden('#login')) && (await page.isHidden('#sell')), 'one thing at a time');
  assert.match(await page.textContent('#receipt .token'), /^\d{4}( \d{4}){4}$/);
  assert.match(await page.textContent('#receipt'), /Demo customer/);
  assert.deepEqual(await violations(page), []);
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/vending-sale.png` });
  const token = await page.getAttribute('#receipt .token', 'data-token');
  await page.click('#go-sales');
  await page.click('#sales button');
  await page.waitForSelector('#copy .token');
  assert.equal(await page.getAttribute('#copy .token', 'data-token'), token);
  assert.match(await page.textContent('#copy'), /Copy1/);
  assert.equal(await page.locator('#go-admin').count(), 0, 'no administration for clerks');
  await done(page);
});

test('refuses with the reason', async () => {
  const page = await visit('clerk');
  await page.fill('#q', '99999999999');
  await page.click('#find button');
  await until(async () => /no meter/.test(await page.textContent('#say')), 'no meter');
  await page.fill('#q', 'demo');
  await page.click('#find button');
  await page.waitForSelector('#sell:not([hidden])');
  await page.fill('#amount', '0.001');
  await page.click('#sell button');
  await until(async () => /two decimals/.test(await page.textContent('#say')), 'the reason');
  page.wrong = page.wrong.filter((w) => !w.includes('400'));
  await done(page);
});

test('supervisors and administrators have their own work', async () => {
  const page = await visit('admin', { colorScheme: 'dark' });
  await page.click('#go-engineer');
  await page.fill('#manage [name=meter]', '00000000018');
  await page.click('#manage button');
  await page.waitForSelector('#engineer-out .token');
  assert.match(await page.textContent('#engineer-out'), /clear tamper/);
  await page.click('#go-meters');
  await page.fill('#customer [name=name]', 'Ama <b>Mensah</b>');
  await page.click('#customer button');
  await until(async () => /is saved/.test(await page.textContent('#say')), 'saved');
  assert.deepEqual(await violations(page), []);
  await page.click('#go-admin');
  await until(async () => (await page.locator('#audit tr').count()) > 3, 'the trail');
  assert.equal(await page.textContent('#whole'), 'The trail is whole.');
  assert.equal(await page.locator('#audit b').count(), 0, 'names are text');
  assert.deepEqual(await violations(page), []);
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/vending-admin.png` });
  await done(page);
});
