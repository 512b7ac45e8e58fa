// What several sections share: a section of the sheet, marks, rows of readings, charts.
import type { ComponentChildren } from 'preact';
import { memo } from 'preact/compat';
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import type { Severity } from './state';

const SHAPES = {
  ok: <circle cx="6" cy="6" r="5.5" />,
  warn: <path d="M6 1 11.8 11.5H.2z" />,
  bad: <path d="M1 1h10v10H1z" />,
  idle: <circle cx="6" cy="6" r="4.5" fill="none" stroke="currentColor" stroke-width="1.8" />,
};

/** Disc, triangle, square or ring: the state is never told by colour alone. */
export const Mark = ({ kind }: { kind: Severity | 'idle' }) => (
  <svg class="mark" viewBox="0 0 12 12" aria-hidden="true">
    {SHAPES[kind]}
  </svg>
);

interface SectionProps {
  area: string;
  title: string;
  note?: string;
  action?: ComponentChildren;
  children: ComponentChildren;
}

export const Section = ({ area, title, note, action, children }: SectionProps) => (
  <section class={`p-${area}`} aria-labelledby={`${area}-h`}>
    <div class="ph">
      <h2 id={`${area}-h`}>{title}</h2>
      {note && <span class="ref">{note}</span>}
      {action}
    </div>
    {children}
  </section>
);

interface ChartSectionProps extends Omit<SectionProps, 'action' | 'children'> {
  chart: ComponentChildren;
  table: () => ComponentChildren;
  caption?: ComponentChildren;
}

/** A chart with the table behind it. */
export function ChartSection({ chart, table, caption, ...rest }: ChartSectionProps) {
  const [flipped, flip] = useState(false);
  const action = (
    <button type="button" class="flip" aria-pressed={flipped} onClick={() => flip(!flipped)}>
      Table<span class="vh"> of {rest.title}</span>
    </button>
  );
  return (
    <Section {...rest} action={action}>
      {flipped ? (
        <div class="view tbl" tabIndex={0} role="region" aria-label={`${rest.title}, table`}>
          <table>{table()}</table>
        </div>
      ) : (
        <div class="view">{chart}</div>
      )}
      {caption && <p class="cap">{caption}</p>}
    </Section>
  );
}

export type Reading = [name: string, obis: string, value: string, unit: string];

export const Readings = ({ rows, kind = '' }: { rows: Reading[]; kind?: string }) => (
  <dl class={`rows ${kind}`}>
    {rows.map(([name, obis, value, unit]) => (
      <div key={obis}>
        <dt>
          <Label name={name} obis={obis} />
        </dt>
        <dd>
          {value}
          {unit && <i> {unit}</i>}
        </dd>
      </div>
    ))}
  </dl>
);

/** A name that the header's switch turns into its OBIS code; readers always hear the name. */
export const Label = ({ name, obis }: { name: string; obis: string }) => (
  <>
    <span class="nm">{name}</span>
    <span class="ob" aria-hidden="true">
      {obis}
    </span>
  </>
);

interface SegProps<T extends string | number> {
  label: string;
  options: readonly (readonly [value: T, text: string])[];
  value: T;
  onPick: (value: T) => void;
}

export const Seg = <T extends string | number>({ label, options, value, onPick }: SegProps<T>) => (
  <div class="seg" role="group" aria-label={label}>
    {options.map(([v, text]) => (
      <button type="button" key={v} aria-pressed={v === value} onClick={() => onPick(v)}>
        {text}
      </button>
    ))}
  </div>
);

/** A colour token of style.css, as it is in the scheme now shown. */
export const token = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** Fired by public/scheme.js when the colour scheme changes: canvases must be drawn again. */
export const SCHEME = 'scheme';

interface PlotProps {
  label: string;
  /** Made once; what depends on the data is asked for by uPlot through functions. */
  options: () => Omit<uPlot.Options, 'width' | 'height'>;
  data: uPlot.AlignedData;
}

/** A uPlot that fills its box. The canvas is a picture to readers; the numbers are in the table. */
export const Plot = memo(({ label, options, data }: PlotProps) => {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  useEffect(() => {
    const el = box.current!;
    const u = new uPlot({ ...options(), width: el.clientWidth, height: el.clientHeight }, data, el);
    const observer = new ResizeObserver(() => u.setSize({ width: el.clientWidth, height: el.clientHeight }));
    const redraw = () => u.redraw(false, true);
    plot.current = u;
    observer.observe(el);
    addEventListener(SCHEME, redraw);
    return () => {
      observer.disconnect();
      removeEventListener(SCHEME, redraw);
      u.destroy();
    };
  }, []);
  useEffect(() => plot.current?.setData(data), [data]);
  return <div class="plot" role="img" aria-label={label} ref={box} />;
});

export const AXIS_FONT = '12px -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", system-ui, sans-serif';
