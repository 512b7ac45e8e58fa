// The page in a browser, on the stand-in meter: what it shows, hands on it, eyes and ears on it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browse, sleep, standin, until, violations, visit } from './panel.mjs';

let browser;
before(async () => {
  browser = await browse();
});
after(() => browser.close());

const at = async (scene, options, f) => {
  const meter = await standin(scene);
  const page = await visit(browser, meter.port, options);
  try {
    await f(page, meter);
    assert.deepEqual(page.wrong, []);
  } finally {
    await page.context().close();
    assert.equal(await meter.stop(), 0);
  }
};

const text = (page, selector) => page.locator(selector).innerText();
const spoken = (page) => page.locator('.vh[role=status]').textContent();
const number = (s) => Number(s.replace(/[^0-9.−-]/g, '').replace('−', '-'));

test('shows what the state says', () =>
  at('day', {}, async (page, { port }) => {
    const state = await page.evaluate(() => fetch('/api/state').then((r) => r.json()));
    assert.equal(number(await text(page, '.big span:first-child')), Math.round(state.now.p_w));
    assert.equal(number(await text(page, '.tot div:first-child dd')), state.energy.import_wh / 1000);
    assert.equal(await text(page, '.clock time'), state.clock.utc.slice(11, 19));
    assert.match(await text(page, '.say p'), /^Supplying .* kW on tariff 2\. Nothing to report\.$/);
    assert.match(await page.locator('.body > p').textContent(), /^Display: import energy, 4812\.36 kWh\. Tariff 2\. Quadrant 1\.$/);
    assert.equal(await page.locator('.p-ev tbody tr').count(), state.events.length);
    assert.equal(await page.locator('.ports li').count(), 3);
    assert.match(await text(page, '.keys'), /Development keys/);
    assert.equal(await page.title(), 'Magno 22 · 22000147 · front panel');
    await page.click('.p-prof .flip');
    assert.equal(await page.locator('.p-prof tbody tr').count(), state.rows.length + 1);
    assert.ok(port);
  }));

test('energy moves', () =>
  at('day', {}, async (page) => {
    const wh = async () => number(await text(page, '.tot div:first-child dd'));
    const first = await wh();
    await sleep(600);
    assert.equal(await wh(), first, 'time is paused');
    await page.click('text="3600×"');
    await until(async () => (await wh()) > first + 0.5, 'half a kilowatt-hour');
    await page.click('.p-prof .flip');
    await until(async () => (await page.locator('.p-prof tbody tr').count()) > 62, 'new rows');
  }));

test('every hand is a key', () =>
  at('day', {}, async (page) => {
    const press = (...keys) => keys.reduce((p, k) => p.then(() => page.keyboard.press(k)), Promise.resolve());
    const focused = () => page.evaluate(() => document.activeElement.textContent);
    const tabTo = async (what) => {
      for (let i = 0; i < 40; i++) {
        await page.keyboard.press('Tab');
        if (what.test((await focused()) ?? '')) return;
      }
      assert.fail(`Tab never reaches ${what}`);
    };
    await press('Tab');
    assert.equal(await focused(), 'Skip to the meter');
    await press('Enter');
    await tabTo(/Push button/);
    await press('Enter');
    await until(async () => /^Display: voltage, 230\.0 V/.test(await spoken(page)), 'the page read out');
    await press('Space');
    await until(async () => /^Display: current, /.test(await spoken(page)), 'the next page');
    await tabTo(/^Supply$/);
    await press('Space');
    await until(async () => /^No supply/.test(await text(page, '.say p')), 'no supply');
    await until(async () => /^No supply/.test(await spoken(page)), 'the change told');
    await press('Space');
    await until(async () => /^Supplying/.test(await text(page, '.say p')), 'supply');
    await press('Tab', 'Home', 'ArrowRight');
    await until(async () => (await text(page, '.range output')) === '1 V', 'one volt');
    await press('Tab');
    await page.keyboard.type('fixed');
    await until(async () => (await page.locator('.number').count()) === 2, 'fields for P and Q');
    await press('Tab');
    await page.keyboard.press('Control+A');
    await page.keyboard.type('4321');
    await tabTo(/^60×$/);
    await press('Enter');
    await until(() => page.locator('button[aria-pressed=true]:text-is("60×")').isVisible(), 'speed 60');
    await until(async () => (await page.evaluate(() => fetch('/api/state').then((r) => r.json()))).world.p_w === 4321, 'P');
    await tabTo(/^Table of Phasors$/);
    await press('Enter');
    await until(() => page.locator('.p-phas tbody').isVisible(), 'table of phasors');
    await press('Enter');
    await until(() => page.locator('.p-phas svg.chart').isVisible(), 'the diagram again');
  }));

test('names or OBIS', () =>
  at('day', {}, async (page) => {
    const label = () => page.locator('.rows dt').first().innerText();
    assert.match(await label(), /Voltage/);
    await page.click('text="OBIS"');
    await until(async () => /32\.7\.0/.test(await label()), 'the code');
    assert.equal(await page.locator('.rows dt .nm').first().textContent(), 'Voltage');
  }));

test('a meter that has less shows less', () =>
  at('bare', {}, async (page) => {
    const titles = await page.locator('h2').allInnerTexts();
    assert.deepEqual(titles.map((t) => t.trim()), ['State in words', 'The meter', 'Now', 'Phasors', 'Registers', 'Ports']);
    assert.equal(await page.locator('.lamp').count(), 1);
    assert.deepEqual(await violations(page), []);
  }));

test('a refused order is told', () =>
  at('day', {}, async (page) => {
    await page.evaluate(() => {
      const select = document.querySelector('.world .ends select');
      select.append(new Option('nuclear', 'nuclear'));
      select.value = 'nuclear';
      select.dispatchEvent(new Event('change'));
    });
    await until(async () => (await page.locator('[role=alert]').count()) === 1, 'the refusal');
  }));

test('a lost meter is told and found again', async () => {
  const first = await standin('day');
  const page = await visit(browser, first.port);
  await first.stop();
  await until(async () => /lost/.test(await text(page, '.say p')), 'the loss');
  assert.match(await text(page, '.big'), /W/, 'the last readings stay');
  const second = await standin('solar', first.port);
  await until(async () => /^Exporting/.test(await text(page, '.say p')), 'the meter back');
  await page.context().close();
  await second.stop();
});

test('lamps flash at most three times a second, and not at all where motion is not wanted', async () => {
  for (const [reducedMotion, most] of [['no-preference', 9], ['reduce', 0]])
    await at('full', { reducedMotion }, async (page) => {
      for (const speed of ['1×', '60×']) {
        await page.click(`text="${speed}"`);
        await sleep(1000);
        const flashes = await page.evaluate(async () => {
          let n = 0;
          const lamp = document.querySelector('.lamp-red');
          const watch = new MutationObserver(() => lamp.classList.contains('on') && n++);
          watch.observe(lamp, { attributes: true });
          await new Promise((r) => setTimeout(r, 3000));
          return n;
        });
        assert.ok(flashes <= most, `${flashes} flashes in 3 s at ${speed}`);
      }
      assert.ok(number(await text(page, '.p-now .ref')) > 6, 'the rate stands as a number');
    });
});

test('nothing is cut off or too wide from 320 to 2560 points', () =>
  at('locked', {}, async (page) => {
    for (const width of [320, 390, 600, 820, 1024, 1280, 1920, 2560]) {
      await page.setViewportSize({ width, height: 900 });
      await sleep(150);
      const excess = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(excess <= 0, `${excess} points too wide at ${width}`);
    }
  }));

test('axe-core sees what is wrong', () =>
  at('day', {}, async (page) => {
    await page.evaluate(() => document.querySelector('.world .ends select').removeAttribute('id'));
    await page.evaluate(() => document.querySelector('.world .ends .inline').replaceWith(document.querySelector('.world .ends select')));
    assert.match((await violations(page)).join(), /select-name/);
  }));

for (const scene of ['day', 'off', 'clock', 'locked'])
  test(`no accessibility violations: ${scene}, both schemes, three widths`, () =>
    at(scene, {}, async (page) => {
      for (const colorScheme of ['light', 'dark'])
        for (const width of [360, 820, 1440]) {
          await page.emulateMedia({ colorScheme });
          await page.setViewportSize({ width, height: 900 });
          await until(() => page.evaluate((s) => document.documentElement.dataset.scheme === s, colorScheme), 'the scheme');
          assert.deepEqual(await violations(page), [], `${colorScheme}, ${width} wide`);
        }
    }));

test('no accessibility violations: tables and codes', () =>
  at('day', {}, async (page) => {
    for (const flip of await page.locator('.flip').all()) await flip.click();
    await page.selectOption('.world .ends select', 'fixed');
    await page.click('text="OBIS"');
    await until(() => page.locator('.number').first().isVisible(), 'the fields of the fixed load');
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await violations(page), [], colorScheme);
    }
  }));
