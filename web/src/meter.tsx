// The meter as an object: case, display, lamps, button, nameplate, covers, wires.
import { memo } from 'preact/compat';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Lcd, lcdText } from './lcd';
import type { Identity, Severity, State } from './state';

const calm = matchMedia('(prefers-reduced-motion: reduce)');
const FLASH_MS = 120;
const FLASH_PERIOD_MS = 400; // 2.5 flashes a second at most

/** Pulses a second of wall time, from the counter alone, over the last ten seconds. */
export function useRate(count: number): number {
  const seen = useRef<[ms: number, count: number][]>([]);
  const now = performance.now();
  const list = seen.current;
  const last = list[list.length - 1];
  if (last && last[1] > count) list.length = 0; // the meter has started anew
  if (!list.length || last?.[1] !== count) list.push([now, count]);
  while (list.length > 2 && now - list[0]![0] > 10000) list.shift();
  const first = list[0]!;
  const newest = list[list.length - 1]!;
  if (newest[1] <= first[1]) return 0;
  const rate = (newest[1] - first[1]) / ((newest[0] - first[0]) / 1000);
  const quiet = (now - newest[0]) / 1000;
  return quiet > 2 / rate ? (quiet > 30 ? 0 : 1 / quiet) : rate;
}

/** Lit for a moment at each pulse; steady when that would be too fast, or motion is not wanted. */
function useFlash(count: number, rate: number): boolean {
  const [lit, set] = useState(false);
  const state = useRef({ count, next: 0 });
  useEffect(() => {
    const s = state.current;
    const now = performance.now();
    if (s.count === count) return;
    s.count = count;
    if (now < s.next) return;
    s.next = now + FLASH_PERIOD_MS;
    set(true);
    setTimeout(() => set(false), FLASH_MS);
  }, [count]);
  return calm.matches || rate > 2.5 ? rate > 0 : lit;
}

interface LampProps {
  y: number;
  name: string;
  note?: string;
  kind: string;
  state: string;
}

const Lamp = ({ y, name, note, kind, state }: LampProps) => (
  <>
    <circle class="lampring" cx={141} cy={y} r={6} />
    <circle class={`lamp lamp-${kind} ${state}`} cx={141} cy={y} r={4} />
    <text x={155} y={note ? y - 1 : y + 3}>
      {name}
    </text>
    {note && (
      <text x={155} y={y + 7.5} class="tiny">
        {note}
      </text>
    )}
  </>
);

const PulseLamp = ({
  count,
  constant,
  ...rest
}: {
  y: number;
  name: string;
  kind: string;
  count: number;
  constant: number;
}) => {
  const lit = useFlash(count, useRate(count));
  return <Lamp {...rest} note={`${constant} imp`} state={lit ? 'on' : ''} />;
};

// Interleaved 2 of 5, so that a reader really reads the serial number.
const I25 = ['00110', '10001', '01001', '11000', '00101', '10100', '01100', '00011', '10010', '01010'];

function barcode(digits: string): [x: number, width: number][] {
  const [narrow, wide] = [1.05, 2.6];
  const bars: [number, number][] = [];
  let x = 0;
  const bar = (b: number, space: number) => {
    bars.push([x, b]);
    x += b + space;
  };
  bar(narrow, narrow);
  bar(narrow, narrow);
  for (const [, a, b] of (digits.length % 2 ? '0' + digits : digits).matchAll(/(\d)(\d)/g))
    for (let i = 0; i < 5; i++)
      bar(I25[Number(a)]![i] === '1' ? wide : narrow, I25[Number(b)]![i] === '1' ? wide : narrow);
  bar(wide, narrow);
  bar(narrow, narrow);
  return bars;
}

const Nameplate = memo(({ id }: { id: Identity }) => (
  <g class="plate">
    <rect x="34" y="268" width="352" height="75" rx="3" />
    <text x="44" y="286" class="name">
      {id.product.toUpperCase()}
    </text>
    <text x="150" y="285" class="sm">
      Single phase, 2 wire
    </text>
    <text x="44" y="302" class="sp">
      {`${id.u_v} V   ${id.ib_a}(${id.imax_a}) A   ${id.f_hz} Hz   Cl. ${id.accuracy}`}
    </text>
    <text x="44" y="315" class="sm">
      {`${id.pulses_per_kwh} imp/kWh   ${id.pulses_per_kvarh} imp/kvarh`}
    </text>
    <text x="44" y="326" class="sm">
      {`IP54   −25…+60 °C${id.year ? `   ${id.year}` : ''}`}
    </text>
    <text x="44" y="337" class="sm">
      {`${id.device}   ${id.firmware}`}
    </text>
    <g class="dbl">
      <rect x="358" y="276" width="18" height="18" />
      <rect x="362.3" y="280.3" width="9.4" height="9.4" />
    </g>
    <g class="barcode" transform="translate(260 302)">
      {barcode(id.serial).map(([x, w]) => (
        <rect key={x} x={x.toFixed(2)} width={w} height="20" />
      ))}
    </g>
    <text x="376" y="336" text-anchor="end" class="sn">
      No. {id.serial}
    </text>
  </g>
));

const Wires = memo(() => (
  <g class="wires" fill="none" stroke-width="13">
    <path class="w-l" d="M79 500V584" />
    <path class="w-n" d="M166 500V584" />
    <path class="w-n" d="M254 500V584" />
    <path class="w-l" d="M341 500V584" />
  </g>
));

const Covers = memo(() => (
  <>
    <rect class="case2" x="18" y="358" width="384" height="62" rx="8" />
    <path class="edge-hi" d="M28 359.2H392" />
    <g class="emboss">
      <path d="M40 398v-13M40 389l-5-8M40 389l5-8M35 381h10" />
      <text x="58" y="393">
        Communication module
      </text>
    </g>
    <path class="grip" d="M318 382v14M324 382v14M330 382v14M336 382v14" />
    <Seal x={382} y={389} />
    <path
      class="case3"
      d="M18 436a10 10 0 0 1 10-10H392a10 10 0 0 1 10 10V526a18 18 0 0 1-18 18H36a18 18 0 0 1-18-18z"
    />
    <path class="edge-hi" d="M28 427.2H392" />
    <g class="diagram">
      <path d="M79 524V478M79 478H150M166 524V498M254 524V498M166 498H254M341 524V478M341 478H182" />
      <circle cx="166" cy="478" r="16" />
      {['1 L', '2 N', '3 N', '4 L'].map((name, i) => (
        <text key={name} x={[79, 166, 254, 341][i]} y="538">
          {name}
        </text>
      ))}
      <text x="166" y="482" class="d2">
        kWh
      </text>
      <text x="79" y="468" class="d2">
        supply
      </text>
      <text x="341" y="468" class="d2">
        load
      </text>
    </g>
    <g class="hazard">
      <path d="M210 434l9.5 16h-19z" />
      <path d="M211.5 438.5l-3.4 5h3l-1.6 4" />
    </g>
    <Seal x={382} y={444} />
    <Seal x={38} y={444} />
  </>
));

const Seal = ({ x, y }: { x: number; y: number }) => (
  <g class="seal">
    <circle cx={x} cy={y} r="8" />
    <path d={`M${x - 5} ${y}h10`} />
  </g>
);

const Case = memo(() => (
  <>
    <path class="base" d="M184 16V9a8 8 0 0 1 8-8h36a8 8 0 0 1 8 8v7z" />
    <circle class="hole" cx="210" cy="9" r="4.2" />
    <rect class="base" x="10" y="13" width="400" height="540" rx="22" />
    <rect class="case" x="18" y="20" width="384" height="332" rx="16" />
    <path class="edge-hi" d="M34 21.2H386" />
    <rect class="bezel" x="34" y="36" width="352" height="138" rx="8" />
  </>
));

const OpticalPort = ({ busy }: { busy: boolean }) => (
  <>
    <circle class="ring" cx="79" cy="221" r="31" />
    <circle class="ringin" cx="79" cy="221" r="22" />
    <circle class="eye" cx="71" cy="221" r="4.4" />
    <circle class={busy ? 'eye on' : 'eye'} cx="87" cy="221" r="4.4" />
    <path class="key" d="M79 190v5" />
  </>
);

const alarmLamp = (s: State): Severity =>
  s.alarms.some((a) => a.severity === 'bad') ? 'bad' : s.alarms.some((a) => a.severity === 'warn') ? 'warn' : 'ok';

export function Meter({ state, onButton }: { state: State; onButton: () => void }) {
  const { identity: id, lcd, pulses } = state;
  const optical = state.ports.find((p) => p.name === 'Optical');
  const alarm = state.now.powered ? alarmLamp(state) : 'ok';
  return (
    <section class="meter" id="meter" aria-labelledby="meter-h" tabIndex={-1}>
      <h2 id="meter-h" class="vh">
        The meter
      </h2>
      <div class="body">
        <svg viewBox="0 0 420 584" aria-hidden="true" focusable="false">
          <Wires />
          <Case />
          {lcd && <Lcd lcd={lcd} />}
          <OpticalPort busy={optical?.state === 'connected' || optical?.state === 'associated'} />
          <g class="lamps">
            {pulses && id.pulses_per_kwh > 0 && (
              <PulseLamp y={198} name="kWh" kind="red" count={pulses.kwh} constant={id.pulses_per_kwh} />
            )}
            {pulses && id.pulses_per_kvarh > 0 && (
              <PulseLamp y={222} name="kvarh" kind="amber" count={pulses.kvarh} constant={id.pulses_per_kvarh} />
            )}
            <Lamp y={246} name="Alarm" kind="alarm" state={alarm} />
          </g>
          <circle class="pbring" cx="346" cy="221" r="26" />
          <circle class="pb" cx="346" cy="221" r="20.5" />
          <text class="wordmark" x="258" y="227" text-anchor="middle">
            {id.product}
          </text>
          <Nameplate id={id} />
          <Covers />
        </svg>
        {lcd && <p class="vh">{lcdText(lcd)}</p>}
        <div class="hits">
          <button
            type="button"
            class="hit round"
            style="left:76.2%;top:33.4%;width:12.4%;height:8.9%"
            onClick={onButton}
          >
            <span class="vh">Push button: next display page</span>
          </button>
        </div>
      </div>
    </section>
  );
}
