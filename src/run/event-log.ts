/** An event for followers. */
export interface LoggedEvent {
  readonly id: string;
  readonly kind: string;
  readonly payload: unknown;
}

/** Number of events that are kept for followers who reconnect. */
const KEPT = 256;

/** The events of one run while it is in progress here. Followers get missed events, as far as they are kept, and then new ones. */
export class EventLog {
  readonly #epoch: string;
  readonly #events: LoggedEvent[] = [];
  readonly #wakers = new Set<() => void>();
  #count = 0;
  #isEnded = false;

  /** @param epoch distinguishes logs with the same event numbers, such as those before and after a restart */
  constructor(epoch: string) {
    this.#epoch = epoch;
  }

  add(kind: string, payload: unknown): void {
    this.#count += 1;
    this.#events.push({ id: `${this.#epoch}-${this.#count}`, kind, payload });
    if (this.#events.length > KEPT) this.#events.shift();
    this.#wake();
  }

  /** Ends the log. */
  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  /** Whether the event with this id, or the one after it, is still kept, so nothing was missed. */
  knows(id: string): boolean {
    return this.#positionAfter(id) !== undefined;
  }

  /** Yields the events after the given id, or from now on, until the log ends or the signal aborts. */
  follow(afterId: string | undefined, signal: AbortSignal): AsyncGenerator<LoggedEvent> {
    // A generator would look for its place only when it is first read.
    const position = afterId === undefined ? undefined : this.#positionAfter(afterId);
    return this.#readFrom(position ?? this.#count, signal);
  }

  async *#readFrom(position: number, signal: AbortSignal): AsyncGenerator<LoggedEvent> {
    let next = position;
    while (!signal.aborted) {
      if (next < this.#count) {
        // More events may come, and the oldest ones go, whenever the follower reads one.
        const first = this.#count - this.#events.length;
        next = Math.max(next, first);
        const event = this.#events[next - first];
        next += 1;
        if (event !== undefined) yield event;
      } else if (this.#isEnded) return;
      else await this.#nextEvent(signal);
    }
  }

  #positionAfter(id: string): number | undefined {
    if (!id.startsWith(`${this.#epoch}-`)) return undefined;
    const position = Number(id.slice(this.#epoch.length + 1));
    const first = this.#count - this.#events.length;
    return Number.isSafeInteger(position) && position >= first && position <= this.#count
      ? position
      : undefined;
  }

  async #nextEvent(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        this.#wakers.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#wakers.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }

  #wake(): void {
    for (const wake of this.#wakers) wake();
  }
}

/** Id after the last event of an ended run. A follower who has seen it has missed nothing. */
export const LAST_EVENT_ID = 'end';
