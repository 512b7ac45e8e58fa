// Numbers and times as the page writes them.
import type { Clock } from './state';

/** 1234.5 with one decimal: "1 234.5", a real minus sign, thin spaces. */
export function num(n: number, decimals = 0): string {
  const [whole = '', part] = Math.abs(n).toFixed(decimals).split('.');
  const minus = n < 0 && Number(n.toFixed(decimals)) !== 0 ? '−' : '';
  return minus + whole.replace(/\B(?=(\d{3})+$)/g, '\u2009') + (part ? '.' + part : '');
}

/** Registers are cut, not rounded: 4812364 Wh is "4 812.364". */
export const kilo = (n: number) => num(n / 1000, 3);

export const pad = (n: number) => String(n).padStart(2, '0');

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The meter's local time as a Date whose UTC fields are to be read. */
export const local = (utc: string, clock: Clock) => new Date(Date.parse(utc) + clock.offset_min * 60000);

export const hms = (d: Date) => `${pad(d.getUTCHours())}:${pad(d.getUTCMinutes())}:${pad(d.getUTCSeconds())}`;
export const hm = (d: Date) => hms(d).slice(0, 5);
export const date = (d: Date) =>
  `${DAYS[d.getUTCDay()]} ${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]} ${d.getUTCFullYear()}`;
export const dayMonth = (d: Date) => `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]}`;

export const watts = (w: number) => (Math.abs(w) < 1000 ? `${num(w)} W` : `${num(w / 1000, 2)} kW`);

/** The smallest of 1, 2, 5 x 10^n, from `least` on, that holds v. */
export function nice(v: number, least = 1): number {
  for (let decade = 10 ** Math.floor(Math.log10(least)); ; decade *= 10)
    for (const step of [1, 2, 5]) if (step * decade >= least && step * decade >= v) return step * decade;
}
