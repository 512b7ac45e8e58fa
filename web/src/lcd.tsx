// The glass: draws what the meter's display says (state.lcd) and decides nothing.
import { memo } from 'preact/compat';
import type { Lcd as LcdState } from './state';

const SEGMENTS: Record<string, string> = {
  '0': 'abcdef',
  '1': 'bc',
  '2': 'abged',
  '3': 'abgcd',
  '4': 'fgbc',
  '5': 'afgcd',
  '6': 'afgedc',
  '7': 'abc',
  '8': 'abcdefg',
  '9': 'abcdfg',
  '-': 'g',
  _: 'd',
  A: 'abcefg',
  b: 'cdefg',
  C: 'adef',
  c: 'deg',
  d: 'bcdeg',
  E: 'adefg',
  F: 'aefg',
  G: 'acdef',
  H: 'bcefg',
  h: 'cefg',
  i: 'c',
  J: 'bcd',
  L: 'def',
  n: 'ceg',
  o: 'cdeg',
  O: 'abcdef',
  P: 'abefg',
  r: 'eg',
  S: 'afgcd',
  t: 'defg',
  U: 'bcdef',
  u: 'cde',
  y: 'bcdfg',
};

/** Corners of the seven segments of a digit w x h with strokes t thick. */
function polygons(w: number, h: number, t: number): Record<string, string> {
  const m = h / 2;
  const s = 0.9;
  const shapes: Record<string, number[][]> = {
    a: [
      [s, 0],
      [w - s, 0],
      [w - t - s, t],
      [t + s, t],
    ],
    d: [
      [s, h],
      [w - s, h],
      [w - t - s, h - t],
      [t + s, h - t],
    ],
    f: [
      [0, s],
      [t, t + s],
      [t, m - t / 2 - s],
      [t / 2, m - s],
      [0, m - t / 2],
    ],
    e: [
      [0, h - s],
      [t, h - t - s],
      [t, m + t / 2 + s],
      [t / 2, m + s],
      [0, m + t / 2],
    ],
    b: [
      [w, s],
      [w - t, t + s],
      [w - t, m - t / 2 - s],
      [w - t / 2, m - s],
      [w, m - t / 2],
    ],
    c: [
      [w, h - s],
      [w - t, h - t - s],
      [w - t, m + t / 2 + s],
      [w - t / 2, m + s],
      [w, m + t / 2],
    ],
    g: [
      [t / 2 + s, m],
      [t + s, m - t / 2],
      [w - t - s, m - t / 2],
      [w - t / 2 - s, m],
      [w - t - s, m + t / 2],
      [t + s, m + t / 2],
    ],
  };
  return Object.fromEntries(
    Object.entries(shapes).map(([k, p]) => [k, p.map((c) => c.map((v) => v.toFixed(2)).join()).join(' ')]),
  );
}

interface RowProps {
  x: number;
  y: number;
  pitch: number;
  size: [w: number, h: number, t: number];
  cells: [char: string, point: boolean][];
}

const on = (lit: boolean) => (lit ? 's on' : 's');

const Digits = ({ x, y, pitch, size: [w, h, t], cells }: RowProps) => {
  const shapes = polygons(w, h, t);
  return (
    <>
      {cells.map(([char, point], i) => (
        <g key={i} transform={`translate(${x + i * pitch} ${y}) skewX(-5)`}>
          {Object.entries(shapes).map(([k, points]) => (
            <polygon key={k} class={on((SEGMENTS[char] ?? '').includes(k))} points={points} />
          ))}
          <rect class={on(point)} x={w + t * 0.7} y={h - t} width={t * 0.95} height={t} />
        </g>
      ))}
    </>
  );
};

/** "4812.36" in n cells: points belong to the digit before them. */
function cells(text: string, n: number, align: 'left' | 'right'): [string, boolean][] {
  const out: [string, boolean][] = [];
  for (const char of text) {
    const last = out[out.length - 1];
    if (char === '.' && last) last[1] = true;
    else out.push([char, false]);
  }
  while (out.length < n) align === 'right' ? out.unshift([' ', false]) : out.push([' ', false]);
  return out.slice(-n);
}

function quadrantPath(q: number): string {
  const [cx, cy, r] = [17, 17, 9.5];
  const at = (a: number) => `${(cx + r * Math.sin(a)).toFixed(2)} ${(cy - r * Math.cos(a)).toFixed(2)}`;
  const from = ((q - 1) * Math.PI) / 2;
  return `M${cx} ${cy}L${at(from + 0.12)}A${r} ${r} 0 0 1 ${at(from + Math.PI / 2 - 0.12)}z`;
}

const UNITS: [unit: string, x: number, y: number][] = [
  ['kWh', 297, 47],
  ['kvarh', 297, 57.5],
  ['kVA', 297, 68],
  ['kW', 297, 78.5],
  ['V', 297, 89],
  ['A', 308, 89],
  ['Hz', 297, 99.5],
  ['PF', 313, 99.5],
];

export const Lcd = memo(({ lcd }: { lcd: LcdState }) => {
  const icon = (name: string) => lcd.icons.includes(name);
  return (
    <g transform="translate(44 46)" class={lcd.lit ? 'lcd' : 'lcd dead'}>
      <rect class="glass" width="332" height="118" rx="3" />
      {[1, 2, 3, 4].map((q) => (
        <path key={q} class={on(lcd.quadrant === q)} d={quadrantPath(q)} />
      ))}
      <path class={on(icon('import'))} d="M32 13.5h9v-4l8 6.5-8 6.5v-4h-9z" transform="translate(1 1)" />
      <path class={on(icon('export'))} d="M70 13.5h-9v-4l-8 6.5 8 6.5v-4h9z" transform="translate(1 1)" />
      <Digits x={98} y={9} pitch={15.6} size={[8.8, 16, 2.1]} cells={cells(lcd.code, 6, 'left')} />
      <text class={on(lcd.tariff > 0)} x={212} y={25} style="font-size:12px">
        T
      </text>
      <Digits
        x={223}
        y={9}
        pitch={0}
        size={[8.6, 16, 2.1]}
        cells={cells(lcd.tariff ? String(lcd.tariff) : '', 1, 'right')}
      />
      <text class={on(lcd.automatic)} x={247} y={21}>
        AUTO
      </text>
      <path
        class={icon('clock') ? 'st on' : 'st'}
        d="M290.5 10.5a6.5 6.5 0 1 0 .01 0M290.5 13v4h3"
        stroke-width={1.5}
      />
      <path
        class={on(icon('alarm'))}
        d="M314 9l7.4 14.5h-14.8zM313.2 13.8h1.6l-.3 5h-1zM313.2 20h1.6v1.6h-1.6z"
        fill-rule="evenodd"
      />
      <path
        class={icon('open') ? 'st on' : 'st'}
        d="M192.5 19h3.5l6.5-6M204.5 19h3.5"
        stroke-width={1.5}
      />
      <Digits x={20} y={40} pitch={34.4} size={[22.6, 60, 5]} cells={cells(lcd.digits, 8, 'right')} />
      {UNITS.map(([unit, x, y]) => (
        <text key={unit} class={on(lcd.unit === unit)} x={x} y={y}>
          {unit}
        </text>
      ))}
    </g>
  );
});

/** The display for those who do not see it. */
export function lcdText(lcd: LcdState): string {
  if (!lcd.lit) return 'Display dark: no supply.';
  const quadrant = lcd.quadrant ? `Quadrant ${lcd.quadrant}.` : 'No load.';
  if (/^(supply held open|last switched) by: /.test(lcd.what)) return `Display: ${lcd.what}.`;
  return `Display: ${lcd.what}, ${lcd.digits.trim()} ${lcd.unit}. Tariff ${lcd.tariff}. ${quadrant}`;
}
