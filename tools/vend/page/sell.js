'use strict';
// The page to sell from: plain DOM, the API of docs/vending.md, nothing from elsewhere.
const $ = (id) => document.getElementById(id);
let session = sessionStorage.getItem('vend') ? JSON.parse(sessionStorage.getItem('vend')) : null;
let chosen = null;

function say(text, ok = false) {
  $('say').textContent = text;
  $('say').className = ok ? 'ok' : '';
}

async function call(op, fields = {}) {
  const headers = { 'Content-Type': 'application/json' };
  if (session) headers.Authorization = 'Bearer ' + session.token;
  const r = await fetch('/api/' + op, { method: 'POST', headers, body: JSON.stringify(fields) });
  const answer = await r.json();
  if (r.status === 401 && op !== 'login') leave();
  if (!r.ok) throw new Error(answer.error);
  return answer;
}

// Runs what a form asks for; errors are said, the form stays.
function on(form, work) {
  $(form).addEventListener('submit', async (e) => {
    e.preventDefault();
    say('');
    const button = $(form).querySelector('button:not([type=button])');
    button.disabled = true;
    try { await work($(form)); } catch (error) { say(error.message); }
    button.disabled = false;
  });
}

function fields(form) {
  const out = {};
  for (const i of form.querySelectorAll('[name]')) {
    if (i.type === 'checkbox') out[i.name] = i.checked ? 1 : 0;
    else if (i.value.trim()) out[i.name] = i.value.trim();
  }
  return out;
}

function element(name, text, className) {
  const e = document.createElement(name);
  if (text !== undefined && text !== null) e.textContent = text;
  if (className) e.className = className;
  return e;
}

function row(table, cells, numbers = []) {
  const tr = element('tr');
  cells.forEach((c, i) => {
    const td = element('td', c instanceof Node ? undefined : c ?? '', numbers.includes(i) ? 'n' : '');
    if (c instanceof Node) td.append(c);
    tr.append(td);
  });
  table.append(tr);
}

const grouped = (digits) => digits.replace(/(.{4})(?=.)/g, '$1 ');
const local = (time) => (time ? new Date(time).toLocaleString() : '');

// ---- login

function leave() {
  session = null;
  sessionStorage.removeItem('vend');
  show();
}

function show() {
  $('login').hidden = !!session;
  $('desk').hidden = !session;
  $('logout').hidden = !session;
  $('who').textContent = session ? `${session.operator}, ${session.role}` : '';
  if (session) {
    tabs();
    $('q').focus();
  } else {
    $('operator').focus();
  }
}

on('login', async () => {
  session = null;
  session = await call('login', { operator: $('operator').value, password: $('password').value });
  sessionStorage.setItem('vend', JSON.stringify(session));
  $('password').value = '';
  show();
});

$('logout').addEventListener('click', async () => {
  try { await call('logout'); } catch { /* gone anyway */ }
  leave();
});

// ---- tabs

const TABS = [
  ['sell', 'Sell', 1], ['sales', 'Sales', 1], ['meters', 'Customers and meters', 2],
  ['engineer', 'Engineering', 2], ['admin', 'Administration', 3],
];
const LEVEL = { clerk: 1, supervisor: 2, admin: 3 };

function tabs() {
  $('tabs').replaceChildren();
  for (const [id, name, level] of TABS) {
    if (LEVEL[session.role] < level) continue;
    const b = element('button', name);
    b.type = 'button';
    b.id = 'go-' + id;
    b.addEventListener('click', () => open(id));
    $('tabs').append(b);
  }
  open('sell');
}

function open(id) {
  say('');
  for (const [t] of TABS) {
    $('tab-' + t).hidden = t !== id;
    $('go-' + t)?.setAttribute('aria-current', String(t === id));
  }
  if (id === 'sales') sales().catch((e) => say(e.message));
  if (id === 'admin') admin().catch((e) => say(e.message));
}

// ---- selling

on('find', async () => {
  const { meters } = await call('meters', { q: $('q').value.trim() });
  $('found').replaceChildren();
  $('sell').hidden = true;
  $('receipt').hidden = true;
  for (const m of meters.slice(0, 20)) {
    const li = element('li'), b = element('button', `${m.meter}  ${m.customer}`);
    b.type = 'button';
    b.addEventListener('click', () => choose(m));
    li.append(b);
    $('found').append(li);
  }
  if (meters.length === 0) say('no meter has this number or customer');
  if (meters.length === 1) choose(meters[0]);
});

function choose(m) {
  chosen = m;
  $('found').replaceChildren();
  $('chosen').textContent = `${m.meter}  ${m.customer}  (tariff ${m.ti})`;
  $('sell').hidden = false;
  $('sell').querySelector('.units').hidden = m.is_money;
  $('amount').value = $('units').value = $('quote').textContent = '';
  $('amount').focus();
}

function wish() {
  const w = { meter: chosen.meter };
  if ($('units').value.trim()) w.units = $('units').value.trim();
  else w.amount = $('amount').value.trim();
  return w;
}

let asked = 0;
async function quote() {
  const mine = ++asked;
  if (!$('amount').value.trim() && !$('units').value.trim()) return;
  try {
    const q = await call('quote', wish());
    if (mine !== asked) return;
    $('quote').textContent = `pays ${q.amount}` + (q.units_kwh ? `, gets ${q.units_kwh} kWh` : `, credited ${q.net}`);
  } catch (e) {
    if (mine === asked) $('quote').textContent = e.message;
  }
}
for (const [one, other] of [['amount', 'units'], ['units', 'amount']])
  $(one).addEventListener('input', () => { $(other).value = ''; quote(); });

on('sell', async () => {
  const id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');
  const order = { ...wish(), request_id: id };
  let sold;
  try {
    sold = await call('sell', order);
  } catch (e) {
    if (e instanceof TypeError) sold = await call('sell', order); // the line broke: the same request counts once
    else throw e;
  }
  receipt($('receipt'), sold);
  $('sell').hidden = true;
});

function receipt(box, r) {
  box.replaceChildren();
  const dl = element('dl');
  for (const [k, v] of [['Receipt', r.receipt], ['Time', local(r.time)], ['Operator', r.operator], ['Meter', r.meter],
    ['Customer', r.customer], ['Amount', r.amount], ['VAT in it', r.vat], ['Fee in it', r.fee],
    ['Credit', r.units_kwh ? r.units_kwh + ' kWh' : r.net], ['SGC KRN TI', `${r.sgc} ${r.krn} ${r.ti}`],
    r.copies ? ['Copy', r.copies] : null].filter(Boolean))
    dl.append(element('dt', k), element('dd', v));
  box.append(dl);
  for (const t of r.enter_first ?? []) box.append(element('p', grouped(t.token), 'token first'));
  if (r.enter_first?.length) box.append(element('p', 'enter these first, in any order, then:', 'hint'));
  const token = element('p', grouped(r.token), 'token');
  token.dataset.token = r.token;
  box.append(token, element('p', r.meaning, 'hint'));
  const print = element('button', 'Print');
  print.type = 'button';
  print.addEventListener('click', () => window.print());
  box.append(print);
  box.hidden = false;
  box.focus();
}

async function sales() {
  const list = await call('sales');
  $('sales').replaceChildren();
  $('copy').hidden = true;
  for (const s of list.sales) {
    const b = element('button', 'Show');
    b.type = 'button';
    b.setAttribute('aria-label', 'Show receipt ' + s.receipt);
    b.addEventListener('click', async () => {
      try { receipt($('copy'), await call('receipt', { receipt: s.receipt })); } catch (e) { say(e.message); }
    });
    row($('sales'), [s.receipt, local(s.time), s.operator, s.meter, s.customer, s.amount, s.units_kwh, b], [5, 6]);
  }
}

// ---- supervisors

on('customer', async (form) => {
  const { id } = await call('customer_put', fields(form));
  form.reset();
  say(`customer ${id} is saved`, true);
});
on('meter', async (form) => {
  const { meter } = await call('meter_put', fields(form));
  form.reset();
  say(`meter ${meter} is saved`, true);
});
for (const b of document.querySelectorAll('[data-export]'))
  b.addEventListener('click', async () => {
    try {
      const { csv, list } = await call('export', { list: b.dataset.export });
      const a = element('a');
      a.href = URL.createObjectURL(new Blob([csv], { type: 'text/csv' }));
      a.download = list + '.csv';
      a.click();
    } catch (e) { say(e.message); }
  });
on('import', async () => {
  const csv = await $('import-file').files[0].text();
  const { rows, list } = await call('import', { list: $('import-list').value, csv });
  say(`${rows} ${list} taken in`, true);
});

function tokensOut(list) {
  const box = $('engineer-out');
  box.replaceChildren();
  for (const t of list) box.append(element('p', grouped(t.token), 'token'), element('p', t.meaning, 'hint'));
  box.hidden = false;
  box.focus();
}
on('manage', async (form) => tokensOut([await call('manage', fields(form))]));
on('change', async (form) => tokensOut((await call('key_change', fields(form))).tokens));

// Sub-class 2/11 of this manufacturer: number, name, what its data is called, the choices where it is none of numbers.
const LEVEL_DATA = 'Whole kWh, or whole currency of a wallet of money';
const FUNCTIONS = [
  [1, 'payment mode', 'Mode', ['postpaid', 'prepayment']],
  [2, 'credit level 1', LEVEL_DATA], [3, 'credit level 2', LEVEL_DATA], [4, 'credit level 3', LEVEL_DATA],
  [5, 'emergency credit', LEVEL_DATA],
  [6, 'friendly time', 'Friendly time', ['off', 'on']],
  [7, 'switch', 'Switch', ['force open', 'release']],
  [8, "customer's units", 'Units', ['forget them', 'pair one within ten minutes']],
];
const maker = $('maker').elements.index;
for (const [index, name] of FUNCTIONS) maker.append(new Option(name, index));

function makerData() {
  const [, , name, choices] = FUNCTIONS[maker.selectedIndex];
  const label = $('maker').querySelector('label span'), data = element(choices ? 'select' : 'input');
  data.name = 'data';
  choices?.forEach((c, i) => data.append(new Option(c, i)));
  if (!choices) Object.assign(data, { inputMode: 'numeric', required: true, pattern: '[0-9]{1,4}', placeholder: '0 to 4095' });
  label.textContent = name;
  label.parentElement.replaceChildren(label, data);
}
maker.addEventListener('change', makerData);
makerData();
on('maker', async (form) => tokensOut([await call('manage', { kind: 'manufacturer', ...fields(form) })]));

// Class 1, the same token for every meter: bits of its control field, lowest first.
const TESTS = ['the contact', 'display, lamp, buzzer', 'imported energy', 'key revision and key type', 'tariff index',
  'the way in', 'power limit', 'tamper', 'power', 'firmware version'];
for (const text of TESTS) {
  const label = element('label', undefined, 'check'), box = element('input');
  box.type = 'checkbox';
  label.append(box, ' ' + text);
  $('tests').append(label);
}
const tests = $('tests').querySelectorAll('input');
$('test-all').addEventListener('change', () => { for (const t of tests) t.disabled = $('test-all').checked; });
on('test', async (form) => {
  const code = fields(form), width = code.mfr_code?.length === 4 ? 7 : 9; // 28 or 36 bits of control
  let control = 0;
  tests.forEach((t, bit) => { if (t.checked) control |= 1 << bit; });
  if (!control && !$('test-all').checked) throw new Error('choose at least one test');
  tokensOut([await call('test', {
    ...code, is_four_digit: width === 7 ? 1 : 0, control: $('test-all').checked ? 'f'.repeat(width) : control.toString(16),
  })]);
});

// ---- administration

on('tariff', async (form) => {
  await call('tariff_put', fields(form));
  say('the tariff is saved', true);
});

async function campaigns() {
  const { campaigns: list } = await call('rollovers');
  $('campaigns').replaceChildren();
  for (const c of list.slice(0, 5)) {
    const bar = element('progress');
    bar.max = c.total;
    bar.value = c.done;
    bar.setAttribute('aria-label', `campaign ${c.campaign}`);
    $('campaigns').append(element('p', `${c.from_base_date} to ${c.base_date}: ${c.done} of ${c.total} meters`
      + (c.ended ? ', ended ' + local(c.ended) : '')), bar);
  }
  if (list.some((c) => !c.ended) && !$('tab-admin').hidden) setTimeout(() => campaigns().catch(() => {}), 1000);
}

async function admin() {
  const [{ keys }, trail] = await Promise.all([call('keys'), call('audit', { verify: 1 }), campaigns()]);
  $('keys').replaceChildren();
  for (const k of keys)
    row($('keys'), [k.sgc, k.base_date, k.dkga, k.krn, k.ken === 255 ? 'never' : k.ken, k.meters], [5]);
  $('whole').textContent = trail.is_whole ? 'The trail is whole.' : 'THE TRAIL WAS CHANGED.';
  $('audit').replaceChildren();
  for (const a of trail.audit.slice(0, 100)) row($('audit'), [local(a.time), a.operator, a.action, a.detail]);
}
on('rollover', async (form) => {
  await call('rollover', fields(form));
  await campaigns();
});

show();
