// The page of readings. A section stands here when the state carries it: what later versions of
// the meter learn (credit, supply, covers) is one more line in Sheet.
import { memo } from 'preact/compat';
import { useRef, useState } from 'preact/hooks';
import { dayMonth, hms, kilo, local, num } from './format';
import { useRate } from './meter';
import { Phasors } from './phasors';
import type { Clock, Energies, Energy, MeterEvent, Now as NowState, Port, Profile, Pulses, Row, State } from './state';
import { Today } from './today';
import { Label, Mark, Readings, Section, Seg, type Reading } from './ui';
import { Waveform } from './waveform';

const direction = (n: NowState) =>
  !n.powered ? 'no supply' : n.quadrant === 0 ? 'no load' : n.p_w < 0 ? 'export' : 'import';

function instantaneous(n: NowState): Reading[] {
  const none = (v: number | null, decimals: number) => (v === null ? 'none' : num(v, decimals));
  return [
    ['Voltage', '32.7.0', num(n.urms_v, 1), 'V'],
    ['Current', '31.7.0', num(n.irms_a, 3), 'A'],
    ['Frequency', '14.7.0', none(n.f_hz, 2), n.f_hz === null ? '' : 'Hz'],
    ['Neutral', '91.7.0', num(n.in_a, 3), 'A'],
    ['Power factor', '13.7.0', none(n.pf, 3), ''],
    ['Angle', '81.7.4', none(n.angle_deg, 1), n.angle_deg === null ? '' : '°'],
    ['Reactive', '3.7.0', num(n.q_var), 'var'],
    ['Apparent', '9.7.0', num(n.s_va), 'VA'],
  ];
}

const totals = (e: Energy): Reading[] => [
  ['Import, total', '1.8.0', kilo(e.import_wh), 'kWh'],
  ['Export, total', '2.8.0', kilo(e.export_wh), 'kWh'],
  ['Reactive +R', '3.8.0', kilo(e.import_varh), 'kvarh'],
];

const Rate = ({ pulses }: { pulses: Pulses }) => <>{num(useRate(pulses.kwh), 2)} pulses/s</>;

function Now({ now, energy, pulses }: { now: NowState; energy: Energy; pulses?: Pulses }) {
  return (
    <Section
      area="now"
      title="Now"
      action={
        pulses && (
          <span class="ref">
            <Rate pulses={pulses} />
          </span>
        )
      }
    >
      <p class="big">
        <span>{num(now.p_w)}</span>
        <span class="u">W</span>
        <span class="dir">{direction(now)}</span>
      </p>
      <Readings rows={instantaneous(now)} />
      <Readings rows={totals(energy)} kind="tot" />
    </Section>
  );
}

type Line = [name: string, obis: string, wh: keyof Energies, varh: keyof Energies | '', vah: keyof Energies | ''];

const LINES: Line[] = [
  ['Import', '1 3 9', 'import_wh', 'import_varh', 'import_vah'],
  ['Export', '2 4 10', 'export_wh', 'export_varh', 'export_vah'],
  ['Absolute', '15 128 129', 'abs_wh', 'abs_varh', 'abs_vah'],
  ['Net', '16', 'net_wh', '', ''],
  ['Quadrant 1', '17 5 133', 'q1_wh', 'q1_varh', 'q1_vah'],
  ['Quadrant 2', '18 6 134', 'q2_wh', 'q2_varh', 'q2_vah'],
  ['Quadrant 3', '19 7 135', 'q3_wh', 'q3_varh', 'q3_vah'],
  ['Quadrant 4', '20 8 136', 'q4_wh', 'q4_varh', 'q4_vah'],
];

const Registers = memo(({ energy }: { energy: Energy }) => {
  const [tariff, pick] = useState(0);
  const of: Energies = energy.tariffs.find((t) => t.tariff === tariff) ?? energy;
  const tariffs = [[0, 'Total'] as const, ...energy.tariffs.map((t) => [t.tariff, `T${t.tariff}`] as const)];
  return (
    <Section
      area="reg"
      title="Registers"
      action={
        energy.tariffs.length > 1 && (
          <div class="right">
            <Seg label="Registers of" options={tariffs} value={tariff} onPick={pick} />
          </div>
        )
      }
    >
      <table class="registers">
        <thead>
          <tr>
            <th scope="col">
              <Label name="Energy" obis={`1-0:C.8.${tariff}`} />
            </th>
            {['kWh', 'kvarh', 'kVAh'].map((u) => (
              <th key={u} scope="col" class="r">
                {u}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {LINES.map(([name, obis, ...keys]) => (
            <tr key={name}>
              <th scope="row">
                <Label name={name} obis={obis} />
              </th>
              {keys.map((k, i) => (
                <td key={i} class="r">
                  {k && kilo(of[k])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  );
});

/** Time of day for today's events, the date before it for older ones. */
function eventTime(e: MeterEvent, clock: Clock): string {
  if (!e.time) return 'unknown';
  const at = local(e.time, clock);
  const today = local(clock.utc, clock).toISOString().slice(0, 10) === at.toISOString().slice(0, 10);
  return today ? hms(at) : `${dayMonth(at)} ${hms(at)}`;
}

const Events = memo(
  ({ events, clock }: { events: MeterEvent[]; clock: Clock }) => {
    const [log, pick] = useState('');
    const logs = [...new Set(events.map((e) => e.log))].sort();
    const shown = events.filter((e) => !log || e.log === log).reverse();
    return (
      <Section
        area="ev"
        title="Events"
        action={
          logs.length > 1 && (
            <label class="inline right">
              <span class="vh">Log</span>
              <select value={log} onChange={(e) => pick(e.currentTarget.value)}>
                <option value="">All logs</option>
                {logs.map((l) => (
                  <option key={l}>{l}</option>
                ))}
              </select>
            </label>
          )
        }
      >
        <div class="view tbl" tabIndex={0} role="region" aria-label="Event list">
          <table>
            <thead>
              <tr>
                <th scope="col">Time</th>
                <th scope="col" class="r">
                  Code
                </th>
                <th scope="col">Event</th>
                <th scope="col" class="lg">
                  Log
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map((e) => (
                <tr key={e.id}>
                  <td>{eventTime(e, clock)}</td>
                  <td class="r">{e.code}</td>
                  <td>
                    {e.text}
                    {e.detail && <span class="more">, {e.detail}</span>}
                  </td>
                  <td class="lg">{e.log}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {shown.length === 0 && <p class="empty">No events yet.</p>}
        </div>
      </Section>
    );
  },
  (a, b) =>
    a.events === b.events &&
    a.clock.utc.slice(0, 10) === b.clock.utc.slice(0, 10) &&
    a.clock.offset_min === b.clock.offset_min,
);

const PORT_MARK = { idle: 'idle', connected: 'ok', associated: 'ok', locked: 'warn', off: 'idle' } as const;
const PORT_WORD = {
  idle: 'nobody attached',
  connected: 'connected',
  associated: 'in use',
  locked: 'locked',
  off: 'off',
} as const;

const Ports = memo(({ ports }: { ports: Port[] }) => (
  <Section area="port" title="Ports">
    <ul class="ports">
      {ports.map((p) => (
        <li key={p.name} class={PORT_MARK[p.state]}>
          <Mark kind={PORT_MARK[p.state]} />
          <b>{p.name}</b>
          <span class="ad">{p.address}</span>
          <span class="wh">
            {PORT_WORD[p.state]}
            {p.detail && p.state !== 'off' ? `: ${p.detail}` : ''}
          </span>
        </li>
      ))}
    </ul>
  </Section>
));

/** A meter without mains says less; what it said last stays on the sheet. */
function useKept(state: State): { waves: boolean; profile?: Profile; rows: Row[] } {
  const kept = useRef<{ waves: boolean; profile?: Profile; rows: Row[] }>({ waves: false, rows: [] });
  const k = kept.current;
  if (state.wave) k.waves = true;
  if (state.profile || state.now.powered) {
    k.profile = state.profile;
    k.rows = state.rows ?? [];
  }
  return k;
}

export function Sheet({ state }: { state: State }) {
  const { waves, profile, rows } = useKept(state);
  return (
    <div class="sheetwrap">
      <div class="sheet" id="sheet" tabIndex={-1}>
        <Now now={state.now} energy={state.energy} pulses={state.pulses} />
        <Phasors now={state.now} identity={state.identity} />
        {waves && <Waveform wave={state.wave} now={state.now} />}
        {profile && <Today profile={profile} rows={rows} clock={state.clock} />}
        <Registers energy={state.energy} />
        {state.events && <Events events={state.events} clock={state.clock} />}
        <Ports ports={state.ports} />
      </div>
    </div>
  );
}
