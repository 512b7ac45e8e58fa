// The supply switch: a remote order opens it, and no energy flows; a top-up does not close it; why is told on the
// display, the page, by short code and by DLMS. Then what can go wrong with it. Leaves supply-*.png in $SHOTS.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { browse, start, until, violations, visit } from './panel.mjs';

const folder = mkdtempSync(join(tmpdir(), 'magno-supply-'));
const anyPort = ['--panel', 0, '--dlms', 0, '--optical', 0, '--rs485', 0];
const shots = process.env.SHOTS ?? folder;
const magno = process.env.MAGNO;
let browser, meter, page, dlms;

const client = ['--client', '1', '--auth', 'gmac', '--json'];
const call = (object, value) => execFileSync(magno, ['action', ...client, '--port', dlms, object, value], { encoding: 'utf8' });
const write = (object, value) => execFileSync(magno, ['write', ...client, '--port', dlms, object, value], { encoding: 'utf8' });
const read = (object) =>
  execFileSync(magno, ['read', ...client, '--port', dlms, object], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((l) => JSON.parse(l).value)[0];

before(async () => {
  browser = await browse();
  meter = await start(magno, 'run', '--json', '--load', 'const:P=2000,Q=0,V=230,F=50', '--flash', join(folder, 'flash'), ...anyPort);
  dlms = meter.dlms;
  page = await visit(browser, meter.port, { width: 1440, height: 1500 });
  // one page turns with those of the supply and of alarms; what was asked for stays until it was seen
  write('0-0:21.0.1.255:3', 'array(structure(long-unsigned:3,octet-string:0100010800FF,integer:2,long-unsigned:0))');
  write('0-0:96.50.63.255:2', 'structure(unsigned:6,long-unsigned:300)');
});
after(async () => {
  await browser.close();
  await meter.stop();
  rmSync(folder, { recursive: true });
});

const state = () => page.evaluate(() => fetch('/api/state').then((r) => r.json()));
const command = (name, value) =>
  page.evaluate(
    ([d, v]) =>
      fetch('/api/command', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ do: d, value: v }),
      }).then((r) => r.status),
    [name, value],
  );
// What is to be seen together is looked for in one and the same state: the display turns its pages between two reads.
const seen = (f, what) =>
  until(async () => {
    const s = await state();
    return f(s) && s;
  }, what);
// So many seconds of the meter, however long the machine takes over them.
const pass = async (s) => {
  const { clock } = await state();
  await seen((now) => now.clock.uptime_s > clock.uptime_s + s, `${s} s of the meter`);
};
const digits = (s) => s.lcd.digits.trim();
const text = (selector) => page.locator(selector).innerText();
const shown = async () => (await page.locator('.body > p').textContent()) ?? '';
const speed = async (name) => {
  await page.click(`.world .seg button:text-is("${name}")`);
  await until(() => page.locator(`.world .seg button[aria-pressed=true]:text-is("${name}")`).isVisible(), `speed ${name}`);
};
// The relay suffers from this by now: a speed that is asked for next would overtake it.
const relay = async (trouble) => {
  await page.selectOption('.lab select', trouble);
  await seen((s) => s.world.troubles[s.world.trouble] === trouble, trouble);
};
const typed = async (digits) => {
  for (const d of digits) await page.click(`.keypad .pad button:text-is("${d}")`);
  await page.click('.keypad [type=submit]');
};
const sell = (units) =>
  JSON.parse(
    execFileSync(magno, ['vend', '--demo', '--json', '--rounds', '10', 'sell', 'meter=00000000018', `units=${units}`], {
      env: { ...process.env, MAGNO_VEND_PASSPHRASE: 'a test passphrase' },
    }),
  ).token.replace(/ /g, '');

test('a remote order opens the switch, and no energy flows', async () => {
  await until(async () => (await state()).now.p_w > 1990, 'the load');
  call('0-0:96.3.10.255:1', 'integer:0');
  await until(async () => !(await state()).relay.on, 'the switch to open');
  await until(async () => (await state()).now.p_w === 0, 'no power');
  const before = (await state()).energy.import_wh;
  await speed('60×');
  await pass(100);
  await speed('1×');
  assert.equal((await state()).energy.import_wh, before);
  assert.equal((await state()).wave.i_ma.every((i) => i === 0), true);
});

test('a top-up does not close it, and everybody says why', async () => {
  const token = sell(1000);
  await typed(token);
  await until(async () => (await text('.keypad .answer')) === 'Last token: accepted', 'the token');
  await seen((s) => s.prepay.wallets[0].balance === 1000, 'the credit');
  await pass(2);
  const s = await state();
  assert.equal(s.relay.on, false);
  assert.deepEqual(s.relay.holders, [{ rank: 4, name: 'remote order, engineering token' }]);
  assert.equal(s.relay.cause.rank, 4);
  // the page, which has seen the same by now
  for (const [where, what] of [
    ['.say p', /^The supply is off: remote order/],
    ['.relay .holders', /remote order/],
    ['.relay .switchstate', /Off by remote order/],
  ])
    await until(async () => what.test(await text(where)), `${where} to say it`);
  // the display: by itself, and by short code
  await page.evaluate(() => scrollTo(0, 0));
  await Promise.all([
    seen((s) => digits(s) === 'UtiLity' && s.lcd.icons.includes('open') && s.lcd.code === '96.3.10', 'the holder on the display'),
    until(async () => /^Display: supply held open by: remote order/.test(await shown()), 'the page of the display').then(() =>
      page.screenshot({ path: join(shots, 'supply-held.png') }),
    ),
  ]);
  const asked = async (code, f) => {
    await typed(code);
    return seen(f, `short code ${code}`);
  };
  await asked('806', (s) => s.lcd.code === '96.50.20' && digits(s) === 'UtiLity');
  await until(async () => /^Display: last switched by: remote order/.test(await shown()), 'short code 806');
  await page.locator('.stand').screenshot({ path: join(shots, 'supply-806.png') });
  // what was bought, on the display and by DLMS alike
  for (const code of ['801', '817', '02']) await asked(code, (s) => digits(s) === '1000.000');
  await asked('819', (s) => digits(s) === '1');
  // 891 with the meter's number lets a unit pair: none has
  await asked('89100000001', (s) => s.lcd.code === '96.62.0' && digits(s) === '0');
  const parts = new Set();
  await asked('818', (s) => parts.add(digits(s)) && [token.slice(0, 8), token.slice(8, 16), token.slice(16)].every((p) => parts.has(p)));
  assert.equal(Number(read('0-0:19.10.0.255:2')), 1000000);
  assert.equal(read('0-0:19.40.0.255:2'), token);
  // DLMS
  assert.equal(read('0-0:96.3.10.255:2'), false);
  assert.equal(Number(read('0-0:96.3.10.255:3')), 0);
  assert.equal(Number(read('0-0:96.50.20.255:2')), 4);
  // nor does an order by keypad, which is refused
  await typed('890');
  await until(async () => (await state()).events.some((e) => e.code === 390), 'the refusal in the log');
  assert.equal((await state()).relay.on, false);
  assert.deepEqual(await violations(page), []);
});

test('a remote order closes it again, and the load is measured', async () => {
  call('0-0:96.3.10.255:2', 'integer:0');
  await until(async () => (await state()).relay.on, 'the switch to close');
  await until(async () => (await state()).now.p_w > 1990, 'the load');
  assert.equal((await state()).relay.holders.length, 0);
});

test('a welded contact is found and told', async () => {
  await relay('welds');
  call('0-0:96.3.10.255:1', 'integer:0');
  const s = await seen((s) => s.relay.failures === 1 && s.alarms.some((a) => a.text === 'Relay fault' && a.severity === 'bad'), 'the failure');
  await until(async () => /^The supply was ordered off, but the switch has not opened\./.test(await text('.say p')), 'the sentence');
  assert.ok(s.now.p_w > 1990, 'current flows on');
  assert.ok([68, 343].every((code) => s.events.some((e) => e.code === code)));
  await page.screenshot({ path: join(shots, 'supply-welded.png') });
  await relay('sound');
  await speed('Max');
  await seen((s) => !s.relay.on, 'the next try, an hour later');
  await speed('1×');
  call('0-0:96.3.10.255:2', 'integer:0');
  await until(async () => (await state()).relay.on, 'the switch to close');
});

test('a wire past the open switch is suspected', async () => {
  call('0-0:96.3.10.255:1', 'integer:0');
  await until(async () => !(await state()).relay.on, 'the switch to open');
  await relay('bypassed');
  await speed('60×');
  await until(async () => (await state()).events.some((e) => e.code === 322), 'the suspicion');
  await relay('sound');
  await until(async () => (await state()).events.some((e) => e.code === 323), 'its end');
  await speed('1×');
  call('0-0:96.3.10.255:2', 'integer:0');
  await until(async () => (await state()).relay.on, 'the switch to close');
});

/** The order to close: is it taken? */
const closes = () => {
  try {
    call('0-0:96.3.10.255:2', 'integer:0');
    return true;
  } catch {
    return false;
  }
};

test('hot terminals open it; only an order closes it, once they are cool', async () => {
  assert.equal(await command('heat', 95), 200);
  await seen((s) => !s.relay.on && s.alarms.some((a) => a.text === 'Fire at the terminals'), 'the switch to open');
  await until(async () => /^The supply is off: fire/.test(await text('.say p')), 'the sentence');
  assert.throws(() => call('0-0:96.3.10.255:2', 'integer:0'));
  assert.equal(await command('heat', 25), 200);
  await speed('60×');
  await pass(150);
  await speed('1×');
  assert.equal((await state()).relay.on, false);
  await until(() => closes(), 'the order to be taken');
  await speed('1×');
  await until(async () => (await state()).relay.on, 'the switch to close');
});

test('what was ordered outlives the supply and the process', async () => {
  call('0-0:96.3.10.255:1', 'integer:0');
  await until(async () => !(await state()).relay.on, 'the switch to open');
  await page.locator('[role=switch]').click();
  await until(async () => /^No supply/.test(await text('.say p')), 'no supply');
  await page.locator('[role=switch]').click();
  await until(async () => (await state()).relay?.on === false, 'the switch still open');
  assert.deepEqual((await state()).relay.holders.map((h) => h.rank), [4]);
  assert.ok(!(await state()).events.some((e) => e.code === 394), 'it was never anywhere else');
  assert.deepEqual(page.wrong, []);
});
