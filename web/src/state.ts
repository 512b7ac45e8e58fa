// The state of the meter as the panel server sends it: docs/panel.md. A section that is not there
// is a thing this meter does not have, and is not shown.

export interface Identity {
  product: string;
  serial: string;
  device: string;
  firmware: string;
  u_v: number;
  ib_a: number;
  imax_a: number;
  f_hz: number;
  accuracy: string;
  pulses_per_kwh: number;
  pulses_per_kvarh: number;
  year?: number;
  development_keys: boolean;
}

export interface Clock {
  utc: string;
  offset_min: number;
  dst: boolean;
  quality: 'valid' | 'doubtful' | 'invalid';
  uptime_s: number;
}

export interface Now {
  powered: boolean;
  urms_v: number;
  irms_a: number;
  in_a: number;
  p_w: number;
  q_var: number;
  s_va: number;
  pf: number | null;
  f_hz: number | null;
  angle_deg: number | null;
  quadrant: number;
  thd_u_pct?: number;
  thd_i_pct?: number;
}

type Quantity = 'wh' | 'varh' | 'vah';
export type Energies = Record<
  `${'import' | 'export' | 'abs' | 'q1' | 'q2' | 'q3' | 'q4'}_${Quantity}` | 'net_wh',
  number
>;
export type Energy = Energies & { tariff: number; tariffs: (Energies & { tariff: number })[] };

export interface Pulses {
  kwh: number;
  kvarh: number;
}

export interface Profile {
  interval_s: number;
  day: string;
  running: string;
  running_wh: number;
  running_export_wh: number;
  running_tariff: number;
}

export interface Row {
  start: string;
  end: string;
  import_wh: number;
  export_wh: number;
  tariff: number;
  status: number;
  flags: string[];
}

export interface MeterEvent {
  id: number;
  time: string | null;
  code: number;
  log: string;
  text: string;
  detail?: string;
}

export interface Lcd {
  lit: boolean;
  automatic: boolean;
  digits: string;
  code: string;
  unit: string;
  what: string;
  page: number;
  pages: number;
  tariff: number;
  quadrant: number;
  icons: string[];
}

export interface World {
  supply: boolean;
  u_v: number;
  reverse: boolean;
  loads: { name: string; text: string; p: boolean; q: boolean }[];
  load: number;
  p_w: number;
  q_var: number;
  p_w_max: number;
  troubles: string[];
  trouble: number;
  terminal_c: number;
  cover: boolean;
  magnet: boolean;
  speed: number | 'max';
  pace: number;
}

export interface Who {
  rank: number;
  name: string;
}

export interface Relay {
  on: boolean;
  ordered: boolean;
  control: 'disconnected' | 'connected' | 'ready';
  mode: number;
  cause: Who | null;
  holders: Who[];
  locked: boolean;
  opens: number;
  closes: number;
  failures: number;
}

export type Severity = 'ok' | 'warn' | 'bad';

export interface Alarm {
  text: string;
  severity: Severity;
}

export interface Port {
  name: string;
  address: string;
  state: 'idle' | 'connected' | 'associated' | 'locked' | 'off';
  detail: string;
  rx: number;
  tx: number;
}

export interface Wave {
  period_ns: number;
  u_mv: number[];
  i_ma: number[];
  in_ma: number[];
}

export interface Prepay {
  wallets: { unit: string; balance: number; open: boolean; active: boolean }[];
  owes: boolean;
  locked_s: number;
  result?: number;
  name?: string;
  words?: string;
  time?: string;
}

export interface State {
  identity: Identity;
  clock: Clock;
  now: Now;
  energy: Energy;
  alarms: Alarm[];
  ports: Port[];
  lcd?: Lcd;
  pulses?: Pulses;
  profile?: Profile;
  rows?: Row[];
  events?: MeterEvent[];
  world?: World;
  wave?: Wave;
  prepay?: Prepay;
  relay?: Relay;
}

export type Order =
  | 'button'
  | 'hold'
  | 'supply'
  | 'voltage'
  | 'load'
  | 'power'
  | 'reactive'
  | 'reverse'
  | 'relay'
  | 'heat'
  | 'cover'
  | 'magnet'
  | 'speed'
  | 'token'
  | 'code';
