// A sale: the station sells 10 kWh, the token is typed on the meter's page, the credit shows; the same token
// again says used. Leaves sale.png and sale-used.png in $SHOTS.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { browse, desk, start, station, until, violations, visit } from './panel.mjs';

const folder = mkdtempSync(join(tmpdir(), 'magno-sale-'));
const anyPort = ['--panel', 0, '--dlms', 0, '--optical', 0, '--rs485', 0];
const shots = process.env.SHOTS ?? folder;
let browser, meter, vend, page, token;

before(async () => {
  browser = await browse();
  meter = await start(process.env.MAGNO, 'run', '--json', '--load', 'off', '--flash', join(folder, 'flash'), ...anyPort);
  page = await visit(browser, meter.port, { width: 1280, height: 1100 });
  vend = await station();
  const headers = { 'Content-Type': 'application/json' };
  const ask = async (op, fields) =>
    (await fetch(`http://127.0.0.1:${vend.port}/api/${op}`, { method: 'POST', headers, body: JSON.stringify(fields) })).json();
  headers.Authorization = `Bearer ${(await ask('login', { operator: 'clerk', password: 'clerk' })).token}`;
  token = (await ask('sell', { meter: '00000000018', units: 10 })).token;
  assert.match(token, /^\d{20}$/);
});
after(async () => {
  await browser.close();
  await meter.stop();
  await vend.stop();
  rmSync(folder, { recursive: true });
});

const answer = () => page.locator('.keypad .answer').innerText();
const credit = () => page.locator('.keypad dd').first().innerText();

test('ten kilowatt-hours, typed key by key', async () => {
  assert.match(await credit(), /^0\.000/);
  for (const digit of token) await page.click(`.keypad .pad button:text-is("${digit}")`);
  await page.click('.keypad [type=submit]');
  await until(async () => (await answer()) === 'Last token: accepted', 'the answer');
  assert.match(await credit(), /^10\.000/);
  await page.locator('.keypad').screenshot({ path: join(shots, 'sale.png') });
});

test('the same token again is used', async () => {
  await page.fill('.keypad .token input', token);
  await page.keyboard.press('Enter');
  await until(async () => (await answer()) === 'Last token: used token', 'the answer');
  assert.match(await credit(), /^10\.000/);
  assert.deepEqual(await violations(page), []);
  await page.locator('.keypad').screenshot({ path: join(shots, 'sale-used.png') });
});

test("a test and a manufacturer's token of the station's page are what the meter takes", async () => {
  const clerk = await desk(browser, vend.port, 'supervisor');
  await clerk.click('#go-engineer');
  const entered = async (form, said) => {
    await clerk.click(`${form} button`);
    await until(async () => (await clerk.textContent('#engineer-out')).includes(said), said);
    await page.fill('.keypad .token input', (await clerk.textContent('#engineer-out .token')).replace(/ /g, ''));
    await page.keyboard.press('Enter');
    await until(async () => (await answer()) === 'Last token: accepted', `the meter's answer to: ${said}`);
  };
  await clerk.fill('#maker [name=meter]', '00000000018');
  await clerk.getByLabel('Function').selectOption('emergency credit');
  await clerk.fill('#maker [name=data]', '3');
  await entered('#maker', 'function 5 data 003');
  await page.fill('.keypad .token input', token); // another answer between, so that the next one is new
  await page.keyboard.press('Enter');
  await until(async () => (await answer()) === 'Last token: used token', 'the answer');
  await clerk.getByLabel('imported energy').check();
  await entered('#test', 'test 000000004');
  assert.deepEqual([...clerk.wrong, ...page.wrong], []);
});
