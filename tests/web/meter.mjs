// The page on a real meter: `magno run` with its household, from one midnight on. Leaves screenshots in
// $SHOTS (the build folder; `SHOTS=docs/images` when those of the docs are to be made anew).
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { browse, sleep, start, until, violations, visit } from './panel.mjs';

const folder = mkdtempSync(join(tmpdir(), 'magno-panel-'));
const anyPort = ['--panel', 0, '--dlms', 0, '--optical', 0, '--rs485', 0];
const day = ['--start', '2026-01-14T00:00:00Z', '--seed', 22, '--serial', 22000147];
const shots = process.env.SHOTS ?? folder;
const morning = process.env.SHOTS ? '17:20' : '04:05';

let browser, meter, page;
before(async () => {
  browser = await browse();
  meter = await start(process.env.MAGNO, 'run', '--json', '--flash', join(folder, 'flash'), ...anyPort, ...day);
  page = await visit(browser, meter.port, { width: 1920, height: 1080 });
});
after(async () => {
  await browser.close();
  await meter.stop();
  rmSync(folder, { recursive: true });
});

const text = (selector) => page.locator(selector).innerText();
const state = () => page.evaluate(() => fetch('/api/state').then((r) => r.json()));
const number = (s) => Number(s.replace(/[^0-9.−-]/g, '').replace('−', '-'));
const near = (a, b, part) => Math.abs(a - b) <= Math.abs(b) * part;
const speed = async (name) => {
  await page.click(`.world .seg button:text-is("${name}")`);
  await until(() => page.locator(`.world .seg button[aria-pressed=true]:text-is("${name}")`).isVisible(), `speed ${name}`);
};

test('the morning passes and the energy moves', async () => {
  const first = (await state()).energy.import_wh;
  await speed('Max');
  await until(async () => (await text('.clock time')) >= morning, morning, 240000);
  await speed('1×');
  const s = await state();
  assert.ok(s.energy.import_wh > first + 100, `${s.energy.import_wh} Wh`);
  assert.ok(s.rows.length >= 16, `${s.rows.length} rows`);
  await until(async () => number(await text('.tot div:first-child dd')) >= s.energy.import_wh / 1000, 'the sheet to follow');
});

test('rows, the running interval and the register agree', async () => {
  await speed('Pause');
  await sleep(500);
  const s = await state();
  const booked = s.rows.reduce((a, r) => a + r.import_wh, s.profile.running_wh);
  const said = `${(booked / 1000).toFixed(2)} kWh`;
  await until(async () => (await page.locator('.p-prof .ref').innerText()).startsWith(said), said);
  await speed('1×');
  assert.equal(booked, s.energy.import_wh);
  assert.equal(s.energy.q1_wh + s.energy.q4_wh, s.energy.import_wh);
});

test('no accessibility violations, and pictures', async () => {
  await page.click('.p-prof .flip');
  assert.equal(await page.locator('.p-prof tbody tr').count(), (await state()).rows.length + 1);
  assert.deepEqual(await violations(page), [], 'table');
  await page.click('.p-prof .flip');
  await page.mouse.move(0, 0);
  await until(async () => number(await text('.p-now .ref')) > 0, 'pulses', 60000);
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    assert.deepEqual(await violations(page), [], colorScheme);
    await sleep(300);
    await page.screenshot({ path: join(shots, `panel-${colorScheme}.png`) });
  }
  const phone = await visit(browser, meter.port, { width: 390, height: 844, deviceScaleFactor: 2, isMobile: true, hasTouch: true });
  assert.deepEqual(await violations(phone), [], 'phone');
  await sleep(500);
  await phone.screenshot({ path: join(shots, 'panel-phone.png') });
  assert.deepEqual(phone.wrong, []);
});

test('what hangs on the terminals is what is measured', async () => {
  await page.selectOption('.world .ends select', 'fixed');
  await page.locator('.number input').first().fill('2000');
  await page.locator('.number input').last().fill('500');
  await until(async () => near((await state()).now.p_w, 2000, 0.002), '2000 W');
  await until(async () => near((await state()).now.q_var, 500, 0.01), '500 var');
  // A state may show the window before and the samples of now: they agree once nothing changes.
  const rms = (mv) => Math.sqrt(mv.reduce((a, v) => a + v * v, 0) / mv.length) / 1000;
  const { now, wave } = await until(async () => {
    const s = await state();
    return near(rms(s.wave.u_mv), s.now.urms_v, 0.003) && near(rms(s.wave.i_ma), s.now.irms_a, 0.003) && s;
  }, 'samples and window to agree');
  assert.equal(now.quadrant, 1);
  assert.ok(near(now.irms_a, Math.hypot(2000, 500) / now.urms_v, 0.005), `${now.irms_a} A`);
  assert.ok(wave.u_mv.length >= 300 && wave.u_mv[0] >= 0);
  await until(async () => /^Supplying 2\.00 kW/.test(await text('.say p')), 'the sentence');
});

test('terminals crossed: export, in its own register', async () => {
  const before = (await state()).energy;
  await page.click('text=Reverse');
  await until(async () => (await state()).now.p_w < -1900, 'export');
  await until(async () => /^Exporting/.test(await text('.say p')), 'the sentence');
  await speed('60×');
  await until(async () => (await state()).energy.export_wh > before.export_wh + 5, 'export counted');
  await speed('1×');
  await page.click('text=Reverse');
  await until(async () => (await state()).now.p_w > 1900, 'import again');
});

test('the button turns the display, by keyboard', async () => {
  const digits = async () => (await page.locator('.body > p').textContent()) ?? '';
  const before = await digits();
  await page.locator('.hit').focus();
  await page.keyboard.press('Enter');
  await until(async () => (await digits()) !== before, 'another page');
  await until(async () => /^Display: /.test((await page.locator('.vh[role=status]').textContent()) ?? ''), 'the page read out');
});

test('the supply goes and comes back; nothing is lost', async () => {
  const before = await state();
  await page.locator('[role=switch]').click();
  await until(async () => /^No supply/.test(await text('.say p')), 'no supply');
  await page.locator('[role=switch]').click();
  await until(async () => /^Supplying/.test(await text('.say p')), 'supply');
  const later = await until(async () => {
    const s = await state();
    return s.events.length > before.events.length + 1 && s;
  }, 'power down and up in the log');
  const codes = later.events.slice(before.events.length).map((e) => e.code);
  assert.ok(codes.includes(1) && codes.includes(2), `events ${codes}`);
  assert.ok(later.energy.import_wh >= before.energy.import_wh);
  assert.deepEqual(page.wrong, []);
});
