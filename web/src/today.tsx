// The load profile since local midnight: a bar an interval, the one now running outlined.
import { memo } from 'preact/compat';
import { useMemo } from 'preact/hooks';
import uPlot from 'uplot';
import { hm, local, num } from './format';
import type { Clock, Profile, Row } from './state';
import { AXIS_FONT, ChartSection, Plot, token } from './ui';

const TARIFFS = 8;

interface Bar {
  hour: number; // start, from local midnight
  label: string;
  import_wh: number;
  export_wh: number;
  tariff: number;
  flags: string[];
  running: boolean;
}

function bars(profile: Profile, rows: Row[], clock: Clock): Bar[] {
  const midnight = Date.parse(profile.day);
  const bar = (start: string, r: Omit<Bar, 'hour' | 'label'>): Bar => ({
    ...r,
    hour: (Date.parse(start) - midnight) / 3600000,
    label: hm(local(start, clock)),
  });
  const closed = rows.map((r) => bar(r.start, { ...r, running: false }));
  const open = {
    import_wh: profile.running_wh,
    export_wh: profile.running_export_wh,
    tariff: profile.running_tariff,
    flags: [],
    running: true,
  };
  return [...closed, bar(profile.running, open)];
}

// Columns of the chart's data: hour; import by tariff 1..8; export; outline of the running bar; flags.
const FLAGS = TARIFFS + 3;

function columns(list: Bar[], width_h: number): uPlot.AlignedData {
  const column = (f: (b: Bar) => number | null) => list.map(f);
  const data: (number | null)[][] = [column((b) => b.hour + width_h / 2)];
  for (let t = 1; t <= TARIFFS; t++) data.push(column((b) => (b.tariff === t ? b.import_wh : null)));
  data.push(column((b) => (b.export_wh ? -b.export_wh : null)));
  data.push(column((b) => (b.running ? b.import_wh : null)));
  data.push(column((b) => (b.flags.length ? b.import_wh : null)));
  return data as unknown as uPlot.AlignedData;
}

function drawFlags(u: uPlot) {
  const px = devicePixelRatio;
  u.ctx.save();
  u.ctx.fillStyle = token('warn');
  u.data[FLAGS]!.forEach((wh, i) => {
    if (wh === null || wh === undefined) return;
    const x = u.valToPos(u.data[0][i]!, 'x', true);
    const y = u.valToPos(wh, 'y', true) - 4 * px;
    u.ctx.beginPath();
    u.ctx.moveTo(x, y);
    u.ctx.lineTo(x - 4 * px, y - 7 * px);
    u.ctx.lineTo(x + 4 * px, y - 7 * px);
    u.ctx.fill();
  });
  u.ctx.restore();
}

const STEPS = [1, 2, 4, 5]; // whole Wh in every decade

/** About four grid lines of a round number of Wh above zero, and below it the room exports need. */
function range(_u: uPlot, min: number | null, max: number | null): uPlot.Range.MinMax {
  const top = Math.max(max ?? 0, -(min ?? 0), 8) / 4;
  const decade = 10 ** Math.floor(Math.log10(top));
  const step = decade * (STEPS.find((s) => s * decade >= top) ?? 10);
  return [
    (-step / 5) * Math.ceil(Math.max(0, -(min ?? 0)) / (step / 5)),
    step * Math.max(1, Math.ceil(Math.max(0, max ?? 0) / step)),
  ];
}

function splits(u: uPlot): number[] {
  const { min, max } = u.scales.y!;
  const step = Math.max(1, Math.max(max!, -min!) / 4);
  const round = STEPS.map((s) => s * 10 ** Math.floor(Math.log10(step))).find((s) => s >= step * 0.99) ?? step;
  const out: number[] = [];
  for (let v = Math.ceil(min! / round) * round; v <= max! + round / 100; v += round) out.push(v);
  return out;
}

const options = (): Omit<uPlot.Options, 'width' | 'height'> => {
  const paths = uPlot.paths.bars!({ size: [0.92, 40], gap: 1, align: 0 });
  const bar = (fill: () => string, stroke?: () => string): uPlot.Series => ({
    scale: 'y',
    paths,
    fill,
    stroke,
    width: stroke ? 1.3 : 0,
    points: { show: false },
  });
  return {
    legend: { show: false },
    cursor: { show: false },
    padding: [24, 20, 0, 0],
    hooks: { draw: [drawFlags] },
    scales: { x: { time: false, range: [0, 24] }, y: { range } },
    axes: [
      {
        font: AXIS_FONT,
        stroke: () => token('mute'),
        size: 24,
        gap: 5,
        ticks: { show: false },
        grid: { show: false },
        splits: () => [0, 6, 12, 18, 24],
        values: (_u, v) => v.map((h) => `${String(h).padStart(2, '0')}:00`),
      },
      {
        font: AXIS_FONT,
        stroke: () => token('mute'),
        size: 44,
        gap: 6,
        ticks: { show: false },
        grid: { stroke: () => token('grid'), width: 1 },
        splits,
        values: (_u, v) => v.map((n) => num(n)),
      },
    ],
    series: [
      {},
      ...Array.from({ length: TARIFFS }, (_, i) => bar(() => token(`t${i + 1}`))),
      bar(() => token('n')),
      bar(
        () => 'transparent',
        () => token('ink'),
      ),
      { show: false },
    ],
  };
};

function Legend({ list }: { list: Bar[] }) {
  const tariffs = [...new Set(list.map((b) => b.tariff))].sort();
  const exports = list.some((b) => b.export_wh > 0);
  if (tariffs.length < 2 && !exports) return null;
  return (
    <ul class="legend" aria-hidden="true">
      {tariffs.map((t) => (
        <li key={t}>
          <i class={`b${t}`} />T{t}
        </li>
      ))}
      {exports && (
        <li>
          <i class="bx" />
          export, below zero
        </li>
      )}
    </ul>
  );
}

interface Props {
  profile: Profile;
  rows: Row[];
  clock: Clock;
}

export const Today = memo(({ profile, rows, clock }: Props) => {
  const list = useMemo(() => bars(profile, rows, clock), [profile, rows, clock.offset_min]);
  const data = useMemo(() => columns(list, profile.interval_s / 3600), [list]);
  const sum = (k: 'import_wh' | 'export_wh') => list.reduce((a, b) => a + b[k], 0) / 1000;
  const out = sum('export_wh');
  const minutes = profile.interval_s / 60;
  return (
    <ChartSection
      area="prof"
      title="Today"
      note={`${num(sum('import_wh'), 2)} kWh since midnight${out ? `, ${num(out, 2)} kWh exported` : ''}`}
      chart={
        <>
          <Plot label={`Energy per ${minutes} minutes today; values in the table`} options={options} data={data} />
          <span class="over first" aria-hidden="true">
            Wh per {minutes} min
          </span>
          <Legend list={list} />
        </>
      }
      table={() => (
        <>
          <thead>
            <tr>
              <th scope="col">Start</th>
              <th scope="col" class="r">
                Import Wh
              </th>
              <th scope="col" class="r">
                Export Wh
              </th>
              <th scope="col">Tariff</th>
              <th scope="col">Status</th>
            </tr>
          </thead>
          <tbody>
            {[...list].reverse().map((b) => (
              <tr key={b.hour}>
                <th scope="row">{b.label}</th>
                <td class="r">{b.import_wh}</td>
                <td class="r">{b.export_wh}</td>
                <td>{b.tariff}</td>
                <td>{b.running ? 'running' : b.flags.join(', ')}</td>
              </tr>
            ))}
          </tbody>
        </>
      )}
    />
  );
});
