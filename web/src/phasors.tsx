// U up, I turning clockwise as it lags: quadrant 1 is upper right.
import { memo } from 'preact/compat';
import { nice, num } from './format';
import type { Identity, Now } from './state';
import { ChartSection } from './ui';

const NAMES = [
  'No load: below the starting current',
  'Import, inductive',
  'Export, inductive',
  'Export, capacitive',
  'Import, capacitive',
];
const [CX, CY, R] = [120, 96, 84];

function at(r: number, deg: number): [x: number, y: number] {
  const a = (deg * Math.PI) / 180;
  return [CX + r * Math.sin(a), CY - r * Math.cos(a)];
}

const Arrow = ({ kind, length, deg }: { kind: string; length: number; deg: number }) => {
  const spread = 250 / Math.max(length, 30);
  const head = [at(length - 9, deg - spread), at(length, deg), at(length - 9, deg + spread)];
  return (
    <path
      class={kind}
      d={`M${CX} ${CY}L${at(length, deg)}M${head.join('L')}`}
      stroke-linejoin="round"
      stroke-linecap="round"
    />
  );
};

function Quadrant({ q, here }: { q: number; here: boolean }) {
  const from = (q - 1) * 90;
  const [x, y] = at(R * 0.8, from + 45);
  return (
    <>
      <path class={here ? 'q on' : 'q'} d={`M${CX} ${CY}L${at(R, from)}A${R} ${R} 0 0 1 ${at(R, from + 90)}z`} />
      <text class={here ? 'ql on' : 'ql'} x={x} y={y + 4} text-anchor="middle">
        Q{q}
      </text>
    </>
  );
}

function Diagram({ now, rim, un }: { now: Now; rim: number; un: number }) {
  const deg = now.angle_deg ?? 0;
  const uLength = R * 0.92 * Math.min(1.08, now.urms_v / un);
  const iLength = Math.max(24, (R * now.irms_a) / rim);
  const [ux, uy] = at(uLength, 0);
  const [ix, iy] = at(iLength, deg);
  return (
    <svg class="chart" viewBox="0 0 240 192" role="img" aria-label={`Phasor diagram: ${NAMES[now.quadrant]}`}>
      {[1, 2, 3, 4].map((q) => (
        <Quadrant key={q} q={q} here={now.quadrant === q} />
      ))}
      <circle class="ax" cx={CX} cy={CY} r={R} />
      <circle class="g" cx={CX} cy={CY} r={R / 2} fill="none" />
      <path class="g" d={`M${CX - R} ${CY}H${CX + R}M${CX} ${CY - R}V${CY + R}`} />
      <text x={CX + R + 5} y={CY + 4}>
        +Q
      </text>
      <text x={CX - R - 5} y={CY + 4} text-anchor="end">
        −Q
      </text>
      {now.urms_v > 1 && (
        <>
          <Arrow kind="cu" length={uLength} deg={0} />
          <text class="tu" x={ux - 8} y={uy + 13} text-anchor="end">
            U
          </text>
        </>
      )}
      {now.angle_deg !== null && (
        <>
          <Arrow kind="ci" length={iLength} deg={deg} />
          <text
            class="ti"
            x={ix + (deg <= 180 ? 7 : -7)}
            y={iy + (Math.abs(deg - 180) < 90 ? 13 : -2)}
            text-anchor={deg <= 180 ? 'start' : 'end'}
          >
            I
          </text>
        </>
      )}
    </svg>
  );
}

export const Phasors = memo(({ now, identity }: { now: Now; identity: Identity }) => {
  const rim = nice(now.irms_a);
  const caption = now.powered ? NAMES[now.quadrant] + (now.quadrant ? `; rim ${rim} A` : '') : 'No supply';
  const angle = now.angle_deg === null ? 'none' : `${num(now.angle_deg, 1)}°`;
  return (
    <ChartSection
      area="phas"
      title="Phasors"
      caption={caption}
      chart={<Diagram now={now} rim={rim} un={identity.u_v || 230} />}
      table={() => (
        <>
          <thead>
            <tr>
              <th scope="col">Phasor</th>
              <th scope="col" class="r">
                Size
              </th>
              <th scope="col" class="r">
                Angle
              </th>
            </tr>
          </thead>
          <tbody>
            <tr>
              <th scope="row">U</th>
              <td class="r">{num(now.urms_v, 1)} V</td>
              <td class="r">0.0°</td>
            </tr>
            <tr>
              <th scope="row">I</th>
              <td class="r">{num(now.irms_a, 3)} A</td>
              <td class="r">{angle}</td>
            </tr>
          </tbody>
        </>
      )}
    />
  );
});
