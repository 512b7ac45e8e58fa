import { render } from 'preact';
import { useEffect, useReducer, useRef, useState } from 'preact/hooks';
import 'uplot/dist/uPlot.min.css';
import { date, hms, local } from './format';
import { Live } from './live';
import { Meter } from './meter';
import { say, type Saying } from './say';
import { Sheet } from './sheet';
import type { Alarm, Clock, State } from './state';
import './style.css';
import { Mark, SCHEME, Seg } from './ui';
import { Keypad } from './keypad';
import { Relay } from './relay';
import { World } from './world';

const root = document.documentElement;

/** public/scheme.js owns the scheme, since it must be set before the first paint. */
function Scheme() {
  const [scheme, set] = useState(root.dataset.scheme!);
  useEffect(() => {
    const follow = () => set(root.dataset.scheme!);
    addEventListener(SCHEME, follow);
    return () => removeEventListener(SCHEME, follow);
  }, []);
  return (
    <Seg
      label="Colour scheme"
      options={[
        ['light', 'Light'],
        ['dark', 'Dark'],
      ]}
      value={scheme}
      onPick={(s) => dispatchEvent(new CustomEvent('scheme-chosen', { detail: s }))}
    />
  );
}

function Labels() {
  const [labels, set] = useState('name');
  useEffect(() => {
    root.dataset.labels = labels;
  }, [labels]);
  return (
    <Seg
      label="Label readings by"
      options={[
        ['name', 'Names'],
        ['obis', 'OBIS'],
      ]}
      value={labels}
      onPick={set}
    />
  );
}

function MeterClock({ clock }: { clock: Clock }) {
  const t = local(clock.utc, clock);
  const known = clock.quality !== 'invalid';
  return (
    <p class="clock">
      <span class="vh">Meter time </span>
      <time dateTime={clock.utc}>{known ? hms(t) : '--:--:--'}</time> {known && <span class="date">{date(t)}</span>}
      {clock.quality !== 'valid' && <span class="flag">{clock.quality}</span>}
    </p>
  );
}

const Top = ({ state }: { state: State | null }) => (
  <header class="top">
    <h1 class="brand">
      <b>{state?.identity.product ?? 'Magno 22'}</b> <span>{state && `${state.identity.serial}, virtual meter`}</span>
    </h1>
    {state && <MeterClock clock={state.clock} />}
    <p class="keys">
      {state?.identity.development_keys && (
        <>
          <Mark kind="warn" />
          Development keys
        </>
      )}
    </p>
    <Labels />
    <Scheme />
  </header>
);

const Sentence = ({ saying, alarms }: { saying: Saying; alarms: Alarm[] }) => (
  <section class={`say ${saying.severity}`} aria-labelledby="say-h">
    <h2 id="say-h" class="vh">
      State in words
    </h2>
    <Mark kind={saying.severity} />
    <p>{saying.text}</p>
    {alarms.length > 0 && (
      <ul class="chips" aria-label="Active alarms">
        {alarms.map((a) => (
          <li key={a.text} class={a.severity}>
            {a.text}
          </li>
        ))}
      </ul>
    )}
  </section>
);

/** Speaks when the situation changes, not each second. */
function useSpoken(saying: Saying, page: string): string {
  const [spoken, speak] = useState('');
  const before = useRef<string | null>(null);
  useEffect(() => {
    if (before.current !== null && before.current !== saying.plain) speak(saying.plain);
    before.current = saying.plain;
  }, [saying.plain]);
  useEffect(() => {
    if (page) speak(page);
  }, [page]);
  return spoken;
}

function App() {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const live = useRef<Live | null>(null);
  const [page, turned] = useState('');
  const [refused, refuse] = useState('');
  live.current ??= new Live(() => redraw(0));
  const { state, link } = live.current;
  const saying = say(state, link);
  const { product, serial } = state?.identity ?? {};
  useEffect(() => {
    if (serial) document.title = `${product} · ${serial} · front panel`;
  }, [product, serial]);
  const spoken = useSpoken(saying, page);

  const send: Live['send'] = async (order, value) => {
    const why = await live.current!.send(order, value);
    refuse(why ?? '');
    return why;
  };
  const press = async () => {
    const before = live.current!.state?.lcd?.page;
    await send('button');
    // The page comes with the next state; read it out once it has.
    for (let i = 0; i < 20 && live.current!.state?.lcd?.page === before; i++)
      await new Promise((r) => setTimeout(r, 50));
    const lcd = live.current!.state?.lcd;
    if (lcd) turned(`Display: ${lcd.what}, ${lcd.digits.trim()} ${lcd.unit}`);
  };

  return (
    <>
      <a class="skip" href="#meter">
        Skip to the meter
      </a>
      {state?.world && (
        <a class="skip" href="#world">
          Skip to the simulated world
        </a>
      )}
      <a class="skip" href="#sheet">
        Skip to the readings
      </a>
      <Top state={state} />
      <main class={link === 'lost' ? 'page stale' : 'page'}>
        <Sentence saying={saying} alarms={state && link !== 'lost' ? state.alarms : []} />
        {state && (
          <>
            <div class="stand">
              <Meter state={state} onButton={press} />
              {state.relay && <Relay relay={state.relay} send={send} />}
              {state.prepay && <Keypad prepay={state.prepay} send={send} />}
              {state.world && <World world={state.world} send={send} />}
              {refused && (
                <p class="refused" role="alert">
                  {refused}
                </p>
              )}
            </div>
            <Sheet state={state} />
          </>
        )}
      </main>
      <p class="vh" role="status" aria-live="polite">
        {spoken}
      </p>
    </>
  );
}

render(<App />, document.getElementById('app')!);
