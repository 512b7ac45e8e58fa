// The page to sell from, in a browser, on a real station: log in, sell, print again, administrate.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browse, desk, station, until, violations } from './panel.mjs';

let browser, vend;

before(async () => {
  browser = await browse();
  vend = await station();
});
after(async () => {
  await browser.close();
  assert.equal(await vend.stop(), 0);
});

const visit = (who, options) => desk(browser, vend.port, who, options);

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

const made = async (page, meaning) => {
  await until(async () => (await page.textContent('#engineer-out')).includes(meaning), meaning);
  assert.match(await page.textContent('#engineer-out .token'), /^\d{4}( \d{4}){4}$/);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'engineer-out', 'the token is read out');
};

test("the manufacturer's tokens by keyboard, each function with data of its own", async () => {
  const page = await visit('supervisor');
  await page.click('#go-engineer');
  await page.focus('#maker [name=meter]');
  await page.keyboard.type('00000000018');
  await page.keyboard.press('Tab');
  await page.keyboard.type('emergency');
  await page.keyboard.press('Tab');
  await page.keyboard.type('3');
  await page.keyboard.press('Enter');
  await made(page, 'manufacturer token function 5 data 003');
  await page.getByLabel('Function').selectOption('payment mode');
  await page.locator('#maker [name=data]').selectOption('prepayment');
  await page.click('#maker button');
  await made(page, 'manufacturer token function 1 data 001');
  assert.deepEqual(await page.locator('#maker select[name=index] option').allTextContents(), ['payment mode', 'credit level 1',
    'credit level 2', 'credit level 3', 'emergency credit', 'friendly time', 'switch', "customer's units"]);
  await page.getByLabel('Function').selectOption('credit level 1');
  await page.getByLabel('Whole kWh, or whole currency of a wallet of money').fill('4096');
  await page.click('#maker button');
  await until(async () => /data: 4096/.test(await page.textContent('#say')), 'the reason');
  page.wrong = page.wrong.filter((w) => !w.includes('400'));
  assert.deepEqual(await violations(page), []);
  await done(page);
});

test('test tokens by keyboard: one test, several, all, for a manufacturer', async () => {
  const page = await visit('supervisor', { height: 1150 });
  await page.click('#go-engineer');
  await page.click('#test button');
  await until(async () => /choose at least one/.test(await page.textContent('#say')), 'the reason');
  await page.getByLabel('imported energy').focus();
  await page.keyboard.press('Space');
  await page.keyboard.press('Enter');
  await made(page, 'test 000000004 for manufacturer 0');
  await page.getByLabel('firmware version').check();
  await page.getByLabel('Manufacturer code').fill('0042');
  await page.click('#test button');
  await made(page, 'test 0000204 for manufacturer 42');
  await page.getByLabel('all that it has').check();
  assert.ok(await page.getByLabel('firmware version').isDisabled());
  await page.click('#test button');
  await made(page, 'test FFFFFFF for manufacturer 42');
  await page.getByLabel('Manufacturer code').fill('');
  await page.click('#test button');
  await made(page, 'test FFFFFFFFF for manufacturer 0');
  assert.equal(await page.textContent('#engineer-out .token'), '5649 3153 7254 5031 3471', 'as the standard prints it');
  assert.deepEqual(await violations(page), []);
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/vending-engineer.png`, fullPage: true });
  await done(page);
});

test('supervisors and administrators have their own work', async () => {
  const page = await visit('admin', { scheme: 'dark' });
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
