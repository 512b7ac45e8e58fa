// A meter with a panel and a browser that looks at it, for the tests of this folder.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const web = createRequire(new URL('../../web/package.json', import.meta.url));
const { chromium } = web('playwright-core');
const axe = readFileSync(web.resolve('axe-core/axe.min.js'), 'utf8');

/** Start program; resolves with its ports once it says {"ready":true,"panel":PORT}, or "vend". */
export function start(program, ...args) {
  const child = spawn(program, args.map(String), { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const stop = async () => {
    child.stdin.end();
    if (program !== process.env.STANDIN) child.kill('SIGTERM');
    return ended;
  };
  return new Promise((resolve, reject) => {
    let out = '';
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${program} ended with ${code} before it was ready`)));
    child.stdout.on('data', (text) => {
      out += text;
      const line = out.split('\n').find((l) => l.includes('"ready":true'));
      if (!line) return;
      const { panel, vend, dlms } = JSON.parse(line);
      resolve({ port: panel ?? vend, dlms, child, stop, ended });
    });
  });
}

export const standin = (scene, port = 0) => start(process.env.STANDIN, port, scene);

export const station = () => start(process.env.MAGNO, 'vend', '--demo', '--rounds', '10', '--port', '0', '--json');

export const browse = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });

/** A page of that port. It collects errors and requests to other places; both must stay empty. */
async function open(browser, port, { width = 1440, height = 900, scheme = 'light', ...more }) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, ...more });
  const page = await context.newPage();
  page.wrong = [];
  page.on('console', (m) => m.type() === 'error' && page.wrong.push(m.text()));
  page.on('pageerror', (e) => page.wrong.push(String(e)));
  page.on('request', (r) => {
    const u = new URL(r.url());
    if (!['data:', 'blob:'].includes(u.protocol) && u.host !== `127.0.0.1:${port}`) page.wrong.push(`asks ${r.url()}`);
  });
  await page.goto(`http://127.0.0.1:${port}/`);
  return page;
}

/** The page of a meter. */
export async function visit(browser, port, options = {}) {
  const page = await open(browser, port, options);
  await page.waitForSelector('.sheet');
  return page;
}

/** The desk of a station; who: logged in, with the name as password. */
export async function desk(browser, port, who, options = {}) {
  const page = await open(browser, port, { width: 1200, height: 860, ...options });
  if (!who) return page;
  await page.fill('#operator', who);
  await page.fill('#password', who);
  await page.click('#login button');
  await page.waitForSelector('#tabs button');
  return page;
}

/** What axe-core finds against WCAG 2.2 AA and its own best practice, in words. */
export async function violations(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() =>
    globalThis.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    }),
  );
  return found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target} ${n.failureSummary}`).join(' | ')}`);
}

export const sleep = (ms) => new Promise((r) => setTimeout(r, ms));

/** Wait until f gives something true; its value. The time is a busy machine's. */
export async function until(f, what, ms = 120000) {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(40)) {
    const v = await f();
    if (v) return v;
  }
  throw new Error(`waited in vain for ${what}`);
}
