// The one WebSocket: sections in, commands out. A lost connection is tried again for ever, at most
// every four seconds; the server then sends the whole state anew.
import type { Order, State } from './state';

export type Link = 'connecting' | 'open' | 'lost';
type Reply = { id: number; ok: boolean; error?: string };

export class Live {
  state: State | null = null;
  link: Link = 'connecting';
  private socket: WebSocket | null = null;
  private wait = 250;
  private lastId = 0;
  private readonly waiting = new Map<number, (r: Reply) => void>();

  constructor(private readonly changed: () => void) {
    this.connect();
  }

  /** Resolves with null when done, with a sentence when refused. */
  send(order: Order, value?: boolean | number | string): Promise<string | null> {
    const id = ++this.lastId;
    if (this.socket?.readyState !== WebSocket.OPEN) return Promise.resolve('The meter does not answer.');
    this.socket.send(JSON.stringify(value === undefined ? { do: order, id } : { do: order, value, id }));
    return new Promise((resolve) => {
      this.waiting.set(id, (r) => resolve(r.ok ? null : (r.error ?? 'Refused.')));
    });
  }

  private connect() {
    const url = new URL('/live', location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    const socket = new WebSocket(url);
    let fresh = true;
    this.socket = socket;
    socket.onmessage = (m) => {
      const message = JSON.parse(m.data as string);
      if (message.reply) return this.replied(message.reply);
      this.merge(message, fresh);
      fresh = false;
      this.link = 'open';
      this.wait = 250;
      this.changed();
    };
    socket.onclose = () => {
      this.link = 'lost';
      for (const reply of this.waiting.values()) reply({ id: 0, ok: false, error: 'The connection was lost.' });
      this.waiting.clear();
      this.changed();
      setTimeout(() => this.connect(), this.wait);
      this.wait = Math.min(4000, this.wait * 2);
    };
  }

  private replied(r: Reply) {
    this.waiting.get(r.id)?.(r);
    this.waiting.delete(r.id);
  }

  private merge(message: Record<string, unknown>, fresh: boolean) {
    const next: Record<string, unknown> = fresh ? {} : { ...this.state };
    for (const [name, section] of Object.entries(message)) {
      if (section === null) delete next[name];
      else next[name] = section;
    }
    this.state = next as unknown as State;
  }
}
