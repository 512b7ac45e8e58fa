// The life of a prepaid customer on the panel, a hundred minutes in a hundred seconds: buy, use, alarm, emergency, cut,
// top up, reconnect. The same story as tests/scenario/stories/prepaid-life.txt. Leaves prepaid-1.png to -5.png in $SHOTS.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { browse, start, until, violations, visit } from './panel.mjs';

const folder = mkdtempSync(join(tmpdir(), 'magno-prepaid-'));
const shots = process.env.SHOTS ?? folder;
const magno = process.env.MAGNO;
const DEVELOPMENT = [
  'ea=07', 'key.dkga=02', 'key.vending_key=abababababababab', 'key.base_date=2014', 'key.drn=00000000018', 'key.kt=2',
  'key.sgc=123456', 'key.ti=01', 'key.krn=1', 'class=0', 'subclass=0',
];
let browser, meter, page;

const run = (...args) => execFileSync(magno, args.map(String), { encoding: 'utf8' });
const write = (object, value) => run('write', '--client', 1, '--auth', 'gmac', '--port', meter.dlms, object, value);
const kwh = (n, at) => JSON.parse(run('token', 'make', ...DEVELOPMENT, `requested_amount=${n}`, `issue_utc=${at}`, '--json')).token;
const state = () => page.evaluate(() => fetch('/api/state').then((r) => r.json()));
const credit = async () => (await state()).prepay.wallets[0].balance;
const typed = async (digits) => {
  await page.fill('.keypad .token input', digits);
  await page.keyboard.press('Enter');
};
const speed = (name) => page.click(`.world .seg button:text-is("${name}")`);
const told = (code) => until(async () => (await state()).events.some((e) => e.code === code), `event ${code}`, 120000);
const shot = async (n) => {
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: join(shots, `prepaid-${n}.png`), clip: { x: 0, y: 0, width: 1440, height: 640 } });
};

before(async () => {
  browser = await browse();
  meter = await start(
    magno, 'run', '--json', '--load', 'const:P=9000,Q=0,V=230,F=50', '--flash', join(folder, 'flash'),
    '--start', '2026-03-02T08:00:00Z', '--panel', 0, '--dlms', 0, '--optical', 0, '--rs485', 0,
  );
  page = await visit(browser, meter.port, { width: 1440, height: 1250 });
  const none = 'structure(double-long:0,double-long:0,boolean:false,unsigned:0)';
  write('0-0:96.3.10.255:4', 'enum:6');
  write('0-0:96.61.6.255:2', `array(structure(double-long:2000,double-long:1000,boolean:false,unsigned:0),${none})`);
});
after(async () => {
  await browser.close();
  await meter.stop();
  rmSync(folder, { recursive: true });
});

test('buy', async () => {
  await typed(kwh(12, '2026-03-02T08:00:00Z'));
  await until(async () => (await credit()) > 11.9, 'the credit');
  await typed('801');
  await until(async () => /^ *1[12]\.\d{3}$/.test((await state()).lcd.digits), 'the credit on the display');
  await shot(1);
});

test('use, and be warned', async () => {
  await speed('60×');
  for (const code of [412, 413, 414]) await told(code);
  await speed('1×');
  const s = await state();
  assert.ok(s.alarms.some((a) => a.text === 'Credit alarm, level 3'));
  assert.ok(s.prepay.wallets[0].balance <= 1 && s.relay.on);
  await shot(2);
  await typed('812');
});

test('take the emergency credit', async () => {
  await told(416);
  await typed('811');
  await told(417);
  await typed('810');
  await until(async () => /^ *2\.\d{3}$/.test((await state()).lcd.digits), 'two kilowatt-hours of it');
  await shot(3);
  await speed('60×');
  await until(async () => (await credit()) < -0.5, 'credit below nothing', 60000);
  assert.equal((await state()).relay.on, true);
});

test('be cut when that is used', async () => {
  await told(418);
  await until(async () => !(await state()).relay.on, 'the switch to open', 60000);
  await speed('1×');
  await until(async () => /^The supply is off: arrears/.test(await page.locator('.say p').innerText()), 'the sentence');
  await typed('806');
  await until(async () => (await state()).lcd.digits === 'CrEdit 0', 'the cause on the display');
  await shot(4);
  assert.deepEqual(await violations(page), []);
});

test('top up: what was used is repaid, and the supply is back by itself', async () => {
  const before = await credit();
  await typed(kwh(10, '2026-03-02T09:45:00Z'));
  await until(async () => (await state()).relay.on, 'the switch to close');
  await until(async () => (await state()).now.p_w > 8900, 'the load');
  await told(419);
  const s = await state();
  assert.ok(Math.abs(s.prepay.wallets[0].balance - (before + 10)) < 0.1);
  assert.equal(s.relay.holders.length, 0);
  await typed('817');
  await until(async () => (await state()).lcd.digits.trim() === '10.000', 'the top-up on the display');
  await shot(5);
  assert.deepEqual(page.wrong, []);
});
