// First a sentence: what a person wants to know, from the state alone.
import { num } from './format';
import type { Link } from './live';
import type { Severity, State } from './state';

export interface Saying {
  severity: Severity;
  text: string;
  /** Changes only when the situation does: what a screen reader is told. */
  plain: string;
}

const worst = (s: State): Severity =>
  s.alarms.some((a) => a.severity === 'bad') ? 'bad' : s.alarms.some((a) => a.severity === 'warn') ? 'warn' : 'ok';

/** Why nothing reaches the customer; empty when it does. */
function cut(s: State): string {
  const r = s.relay;
  if (!r || (r.on && r.ordered)) return '';
  if (!r.ordered && r.on) return 'The supply was ordered off, but the switch has not opened.';
  if (r.ordered) return 'The supply was ordered on, but the switch has not closed.';
  const by = r.holders.map((h) => h.name).join('; then ');
  const ready = r.control === 'ready' && r.holders.length === 1 && r.holders[0]!.name === 'button';
  if (ready) return 'The supply is off: hold the button for three seconds to switch it on.';
  return `The supply is off: ${by || 'switching'}.`;
}

function flow(s: State): [text: string, plain: string] {
  const kw = num(Math.abs(s.now.p_w) / 1000, 2);
  if (s.now.quadrant === 0) return ['Supplied, nothing is drawing power.', 'Supplied, no load.'];
  if (s.now.p_w < 0) return [`Exporting ${kw} kW, counted separately.`, 'Exporting.'];
  if (s.clock.quality === 'invalid') return [`Supplying ${kw} kW.`, 'Supplying.'];
  return [`Supplying ${kw} kW on tariff ${s.energy.tariff}.`, `Supplying on tariff ${s.energy.tariff}.`];
}

export function say(s: State | null, link: Link): Saying {
  if (!s) {
    const text = link === 'lost' ? 'The meter does not answer. Trying again.' : 'Asking the meter.';
    return { severity: link === 'lost' ? 'bad' : 'ok', text, plain: text };
  }
  if (link === 'lost') {
    const text = 'The connection to the meter is lost. Trying again; these are its last readings.';
    return { severity: 'bad', text, plain: text };
  }
  const alarms = s.alarms.map((a) => a.text).join(', ');
  if (!s.now.powered) {
    const text = 'No supply. Every reading is kept.';
    return { severity: 'bad', text, plain: `${text} ${alarms}` };
  }
  const off = cut(s);
  const [text, plain] = off ? [off, off] : flow(s);
  const parts = [text];
  if (s.clock.quality === 'invalid') parts.push('Time is unknown, so tariff 1 applies.');
  else if (!alarms && !off) parts.push('Nothing to report.');
  const severity = off && worst(s) === 'ok' ? 'warn' : worst(s);
  return { severity, text: parts.join(' '), plain: `${plain} ${alarms}` };
}
