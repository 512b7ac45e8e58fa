// What the user does to the meter: supply, load, time. Stands apart from what the meter says.
import { useRef, useState } from 'preact/hooks';
import { num, watts } from './format';
import type { Order, World as WorldState } from './state';
import { Seg } from './ui';

type Send = (order: Order, value: boolean | number | string) => void;

const HOLD_MS = 800;
const SEND_MS = 100;

/** A control that follows the meter, except while a hand is on it: then it shows what the hand
 *  does, and sends the newest value at most ten times a second. */
function useHand(value: number, send: (v: number) => void): [number, (v: number) => void] {
  const [held, hold] = useState<number | null>(null);
  const timers = useRef<{ send?: number; release?: number; next: number }>({ next: value });
  const move = (v: number) => {
    const t = timers.current;
    t.next = v;
    hold(v);
    clearTimeout(t.release);
    t.release = window.setTimeout(() => hold(null), HOLD_MS);
    t.send ??= window.setTimeout(() => {
      t.send = undefined;
      send(t.next);
    }, SEND_MS);
  };
  return [held ?? value, move];
}

interface RangeProps {
  label: string;
  value: number;
  max: number;
  min?: number;
  /** Slider position = sqrt: fine at the low end, where households live. */
  square?: boolean;
  text: (v: number) => string;
  spoken: string;
  onMove: (v: number) => void;
}

function Range({ label, value, min = 0, max, square, text, spoken, onMove }: RangeProps) {
  const [shown, move] = useHand(value, onMove);
  const steps = square ? 1000 : max;
  const position = square ? Math.round(steps * Math.sqrt(Math.max(0, shown) / max)) : shown;
  const read = (p: number) => (square ? Math.round((max * p * p) / (steps * steps)) : p);
  return (
    <label class="range">
      <span class="vh">{label}</span>
      <input
        type="range"
        min={min}
        max={steps}
        step={1}
        value={position}
        aria-valuetext={`${Math.round(shown)} ${spoken}`}
        onInput={(e) => move(read(Number(e.currentTarget.value)))}
      />
      <output>{text(shown)}</output>
    </label>
  );
}

interface NumberProps {
  label: string;
  unit: string;
  value: number;
  onMove: (v: number) => void;
}

function NumberField({ label, unit, value, onMove }: NumberProps) {
  const [shown, move] = useHand(value, onMove);
  return (
    <label class="number">
      <span>{label}</span>
      <input
        type="number"
        step={10}
        min={-100000}
        max={100000}
        value={shown}
        onInput={(e) => e.currentTarget.value !== '' && move(Number(e.currentTarget.value))}
      />
      <span>{unit}</span>
    </label>
  );
}

function LoadPower({ world, send }: { world: WorldState; send: Send }) {
  const load = world.loads[world.load];
  if (!load?.p) return <p class="follows">{watts(world.p_w)}, as recorded</p>;
  if (load.q) return <p class="follows">{watts(world.p_w)}</p>;
  return (
    <Range
      label="Load power"
      square
      value={world.p_w}
      max={world.p_w_max}
      text={watts}
      spoken="watts"
      onMove={(v) => send('power', v)}
    />
  );
}

const SPEEDS = [
  ['0', 'Pause'],
  ['1', '1×'],
  ['60', '60×'],
  ['3600', '3600×'],
  ['max', 'Max'],
] as const;

/** Does time run at another pace than asked for? */
const lags = ({ speed, pace }: WorldState) => speed === 'max' || Math.abs(pace - speed) > speed * 0.1;

/** What can go wrong at the terminals. */
function Lab({ world, send }: { world: WorldState; send: Send }) {
  return (
    <div class="lab">
      <label class="inline">
        Relay
        <select
          value={world.troubles[world.trouble]}
          onChange={(e) => send('relay', e.currentTarget.value)}
        >
          {world.troubles.map((t) => (
            <option key={t} value={t}>
              {t}
            </option>
          ))}
        </select>
      </label>
      <Range
        label="Temperature of the terminals"
        value={Math.round(world.terminal_c)}
        max={150}
        text={(v) => `${v} °C`}
        spoken="degrees Celsius"
        onMove={(v) => send('heat', v)}
      />
      <button type="button" class="tog" aria-pressed={world.cover} onClick={() => send('cover', !world.cover)}>
        Open cover
      </button>
      <button type="button" class="tog" aria-pressed={world.magnet} onClick={() => send('magnet', !world.magnet)}>
        Magnet
      </button>
    </div>
  );
}

export function World({ world, send }: { world: WorldState; send: Send }) {
  const speed = String(world.speed);
  return (
    <section class="world" id="world" aria-labelledby="world-h" tabIndex={-1}>
      <h2 id="world-h">Simulated world</h2>
      <div class="ends">
        <div class="end">
          <button
            type="button"
            class="switch"
            role="switch"
            aria-checked={world.supply}
            onClick={() => send('supply', !world.supply)}
          >
            <i />
            <span>Supply</span>
          </button>
          <Range
            label="Supply voltage"
            value={Math.round(world.u_v)}
            max={300}
            text={(v) => `${v} V`}
            spoken="volts"
            onMove={(v) => send('voltage', v)}
          />
        </div>
        <div class="end">
          <label class="inline">
            Load
            <select value={world.loads[world.load]?.name} onChange={(e) => send('load', e.currentTarget.value)}>
              {world.loads.map((l) => (
                <option key={l.name} value={l.name}>
                  {l.text}
                </option>
              ))}
            </select>
          </label>
          <LoadPower world={world} send={send} />
        </div>
        {world.loads[world.load]?.q && (
          <div class="numbers">
            <NumberField label="P" unit="W" value={world.p_w} onMove={(v) => send('power', v)} />
            <NumberField label="Q" unit="var" value={world.q_var} onMove={(v) => send('reactive', v)} />
          </div>
        )}
      </div>
      {world.troubles.length > 0 && <Lab world={world} send={send} />}
      <div class="timebar">
        <Seg
          label="Time speed"
          options={SPEEDS}
          value={speed as (typeof SPEEDS)[number][0]}
          onPick={(v) => send('speed', v === 'max' ? 'max' : Number(v))}
        />
        {lags(world) && <span class="pace">runs {num(world.pace, world.pace < 10 ? 1 : 0)}×</span>}
        <button type="button" class="tog" aria-pressed={world.reverse} onClick={() => send('reverse', !world.reverse)}>
          Reverse<span class="vh"> the current terminals</span>
        </button>
      </div>
    </section>
  );
}
