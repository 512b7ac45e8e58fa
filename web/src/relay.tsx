// The switch of the customer's supply: where it is, who keeps it there, and the hand that may close it.
import type { Order, Relay as RelayState } from './state';
import { Mark } from './ui';

type Send = (order: Order, value: number) => void;

const WORD = { connected: 'Connected', ready: 'Off', disconnected: 'Off by remote order' } as const;

const awaitsButton = (r: RelayState) =>
  r.control === 'ready' && r.holders.length === 1 && r.holders[0]!.name === 'button';

const mark = (r: RelayState) => (r.on !== r.ordered ? 'bad' : r.on ? 'ok' : 'warn');

export function Relay({ relay, send }: { relay: RelayState; send: Send }) {
  return (
    <section class="relay" id="relay" aria-labelledby="relay-h">
      <h2 id="relay-h">Supply switch</h2>
      <p class="switchstate">
        <Mark kind={mark(relay)} />
        <b>{awaitsButton(relay) ? 'Off, ready to be switched on' : WORD[relay.control]}</b>
        {relay.on !== relay.ordered && <span class="flag">{relay.on ? 'did not open' : 'did not close'}</span>}
      </p>
      {relay.holders.length > 0 && (
        <>
          <h3>Kept off by</h3>
          <ol class="holders">
            {relay.holders.map((h) => (
              <li key={h.rank} value={h.rank}>
                {h.name}
              </li>
            ))}
          </ol>
        </>
      )}
      <dl class="small">
        <div>
          <dt>Last switched by</dt>
          <dd>{relay.cause?.name ?? 'nobody yet'}</dd>
        </div>
        <div>
          <dt>Opened, closed, failed</dt>
          <dd>
            {relay.opens}, {relay.closes}, {relay.failures}
          </dd>
        </div>
        <div>
          <dt>Control mode</dt>
          <dd>{relay.mode}</dd>
        </div>
      </dl>
      {relay.locked && <p class="follows">Too many tries: it waits before it closes by itself.</p>}
      <button type="button" class="tog" onClick={() => send('hold', 3)}>
        Hold the button 3 s
      </button>
    </section>
  );
}
