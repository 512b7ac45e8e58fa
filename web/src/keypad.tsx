// Prepayment at the meter: the credit, twelve keys to type a token or a short code, and what it came to.
import { useState } from 'preact/hooks';
import type { Prepay, Order } from './state';

type Send = (order: Order, value: string) => Promise<string | null | undefined>;

const CODE = 4; // digits of a short code, at most; one that pairs has the meter's number behind it, of 8 digits or 11
const isShort = (n: number) => (n >= 2 && n <= CODE) || (n >= 9 && n <= CODE + 11);

const KEYS = ['1', '2', '3', '4', '5', '6', '7', '8', '9'];
const DIGITS = 20;

const fours = (s: string) => s.replace(/(\d{4})(?=\d)/g, '$1 ');

export function Keypad({ prepay, send }: { prepay: Prepay; send: Send }) {
  const [typed, type] = useState('');
  const add = (d: string) => type((t) => (t + d).replace(/\D/g, '').slice(0, DIGITS));
  const isCode = isShort(typed.length);
  const ready = isCode || typed.length === DIGITS;
  const enter = async () => {
    if (!ready) return;
    // at once: who types on while the meter thinks loses no digit; what was refused comes back to be put right
    type('');
    const why = await send(isCode ? 'code' : 'token', typed);
    if (why && typed.length > CODE) type((since) => since || typed);
  };
  return (
    <section class="keypad" id="keypad" aria-labelledby="keypad-h">
      <h2 id="keypad-h">Prepayment</h2>
      <dl class="credit">
        {prepay.wallets.map((w) => (
          <div key={w.unit} class={w.active && w.open ? 'pays' : ''}>
            <dt>{w.active && w.open ? 'Credit, pays now' : w.open ? 'Credit' : 'No account'}</dt>
            <dd>
              {w.balance.toFixed(w.unit === 'kWh' ? 3 : 2)} <span>{w.unit}</span>
            </dd>
          </div>
        ))}
      </dl>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          void enter();
        }}
      >
        <label class="token">
          <span>Token, {DIGITS} digits, or a short code</span>
          <input
            inputMode="numeric"
            autocomplete="off"
            value={fours(typed)}
            onInput={(e) => type(e.currentTarget.value.replace(/\D/g, '').slice(0, DIGITS))}
          />
        </label>
        <div class="pad">
          {KEYS.map((k) => (
            <button key={k} type="button" onClick={() => add(k)}>
              {k}
            </button>
          ))}
          <button type="button" aria-label="Delete the last digit" onClick={() => type((t) => t.slice(0, -1))}>
            ⌫
          </button>
          <button type="button" onClick={() => add('0')}>
            0
          </button>
          <button type="submit" aria-label="Enter" disabled={!ready}>
            ⏎
          </button>
        </div>
      </form>
      <p class="answer" role="status">
        {prepay.locked_s > 0
          ? `Too many wrong tokens: wait ${prepay.locked_s} s`
          : prepay.words
            ? `Last token: ${prepay.words}`
            : 'No token yet'}
      </p>
    </section>
  );
}
