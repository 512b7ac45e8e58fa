// Two cycles of raw samples. The neutral current is drawn when it is not that of the phase.
import { memo } from 'preact/compat';
import { useMemo } from 'preact/hooks';
import type uPlot from 'uplot';
import { nice, num } from './format';
import type { Now, Wave } from './state';
import { AXIS_FONT, ChartSection, Plot, token } from './ui';

const thd = (v: number | undefined) => (v === undefined ? '' : `${num(v, 1)} %`);

function note(now: Now): string | undefined {
  if (now.thd_u_pct === undefined && now.thd_i_pct === undefined) return undefined;
  return `THD U ${thd(now.thd_u_pct)}, I ${thd(now.thd_i_pct)}`;
}

/** Does the neutral carry another current than the phase? */
const differs = (now: Now) => Math.abs(now.in_a - now.irms_a) > Math.max(0.1, now.irms_a * 0.05);

/** A scale from -m to m, m the first of `round` that holds the peak, further on 1, 2, 5 x 10^n. */
const symmetric =
  (...round: number[]) =>
  (_u: uPlot, min: number | null, max: number | null): uPlot.Range.MinMax => {
    const peak = Math.max(-(min ?? 0), max ?? 0);
    const m = round.find((r) => r >= peak) ?? nice(peak);
    return [-m, m];
  };

const axis = (scale: string, colour: string, side: 1 | 3): uPlot.Axis => ({
  scale,
  side,
  font: AXIS_FONT,
  stroke: () => token(colour),
  size: 36,
  gap: 4,
  ticks: { show: false },
  grid: { show: scale === 'v', stroke: () => token('grid'), width: 1 },
  splits: (u) => [u.scales[scale]!.min!, 0, u.scales[scale]!.max!],
  values: (_u, v) => v.map((n) => num(n)),
});

const line = (scale: string, colour: string, dash?: number[]): uPlot.Series => ({
  scale,
  stroke: () => token(colour),
  width: 2,
  dash,
  points: { show: false },
});

const options = (): Omit<uPlot.Options, 'width' | 'height'> => ({
  legend: { show: false },
  cursor: { show: false },
  padding: [24, 0, 0, 0],
  scales: {
    x: { time: false, range: (_u, min, max) => [min ?? 0, max ?? 40] },
    v: { range: symmetric(200, 400, 600) },
    a: { range: symmetric(1) },
  },
  axes: [
    {
      font: AXIS_FONT,
      stroke: () => token('mute'),
      size: 24,
      gap: 4,
      ticks: { show: false },
      grid: { stroke: () => token('grid'), width: 1 },
      splits: (u) => [0, 10, 20, 30, 40].filter((t) => t <= Math.ceil(u.scales.x!.max!)),
      values: (_u, v) => v.map((n, i) => (i === v.length - 1 ? `${n} ms` : String(n))),
    },
    axis('v', 'u', 3),
    axis('a', 'i', 1),
  ],
  series: [{}, line('v', 'u'), line('a', 'n', [5, 3]), line('a', 'i')],
});

const NONE: uPlot.AlignedData = [[], [], [], []];

const table = (data: uPlot.AlignedData, period_ms: number) => {
  const every = Math.max(1, Math.round(1 / period_ms));
  const rows = Array.from(data[0].keys()).filter((i) => i % every === 0);
  return (
    <>
      <thead>
        <tr>
          {['ms', 'V', 'A', 'A neutral'].map((h) => (
            <th key={h} scope="col" class="r">
              {h}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((i) => (
          <tr key={i}>
            <th scope="row" class="r">
              {num(data[0][i]!, 0)}
            </th>
            <td class="r">{num(data[1]![i] ?? 0, 1)}</td>
            <td class="r">{num(data[3]![i] ?? 0, 2)}</td>
            <td class="r">{num(data[2]![i] ?? 0, 2)}</td>
          </tr>
        ))}
      </tbody>
    </>
  );
};

export const Waveform = memo(({ wave, now }: { wave: Wave | undefined; now: Now }) => {
  const neutral = differs(now);
  const data = useMemo<uPlot.AlignedData>(() => {
    if (!wave) return NONE;
    const amperes = (ma: number[]) => ma.map((v) => v / 1000);
    return [
      wave.u_mv.map((_, k) => (k * wave.period_ns) / 1e6),
      wave.u_mv.map((v) => v / 1000),
      neutral ? amperes(wave.in_ma) : wave.u_mv.map(() => null),
      amperes(wave.i_ma),
    ];
  }, [wave, neutral]);
  return (
    <ChartSection
      area="wave"
      title="Waveform"
      note={wave && note(now)}
      chart={
        wave ? (
          <>
            <Plot label="Voltage and current over two cycles; values in the table" options={options} data={data} />
            <span class="over tu" aria-hidden="true">
              U, volts
            </span>
            <span class="over right ti" aria-hidden="true">
              {neutral && <span class="tn">neutral dashed, </span>}I, amperes
            </span>
          </>
        ) : (
          <p class="empty">No samples: the meter has no supply.</p>
        )
      }
      table={() => wave && table([data[0], data[1]!, wave.in_ma.map((v) => v / 1000), data[3]!], wave.period_ns / 1e6)}
    />
  );
});
