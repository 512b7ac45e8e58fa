// A sale: the station sells 10 kWh, the token is typed on the meter's page, the credit shows; the same token
// again says used. Leaves sale.png and sale-used.png in $SHOTS.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { browse, start, until, violations, visit } from './panel.mjs';

const folder = mkdtempSync(join(tmpdir(), 'magno-sale-'));
const anyPort = ['--panel', 0, '--dlms', 0, '--optical', 0, '--rs485', 0];
const shots = process.env.SHOTS ?? folder;
let browser, meter, page, token;

before(async () => {
  browser = await browse();
  meter = await start(process.env.MAGNO, 'run', '--json', '--load', 'off', '--flash', join(folder, 'flash'), ...anyPort);
  page = await visit(browser, meter.port, { width: 1280, height: 1100 });
  const sold = execFileSync(
    process.env.MAGNO,
    ['vend', '--demo', '--json', '--rounds', '10', 'sell', 'meter=00000000018', 'units=10'],
    { env: { ...process.env, MAGNO_VEND_PASSPHRASE: 'a test passphrase' } },
  );
  token = JSON.parse(sold).token.replace(/ /g, '');
  assert.match(token, /^\d{20}$/);
});
after(async () => {
  await browser.close();
  await meter.stop();
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
