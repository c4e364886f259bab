/** Something that a follower is told. */
export interface LoggedEvent {
  readonly id: string;
  readonly kind: string;
  readonly payload: unknown;
}

/** Events that are kept for those who come back. */
const KEPT = 256;

/** The events of one run while it is in work here. Followers get those they missed, as far as they are kept, and then the new ones. */
export class EventLog {
  readonly #epoch: string;
  readonly #events: LoggedEvent[] = [];
  readonly #wakers = new Set<() => void>();
  #count = 0;
  #isEnded = false;

  /** @param epoch tells logs apart that number their events alike, such as those before and after a restart */
  constructor(epoch: string) {
    this.#epoch = epoch;
  }

  add(kind: string, payload: unknown): void {
    this.#count += 1;
    this.#events.push({ id: `${this.#epoch}-${this.#count}`, kind, payload });
    if (this.#events.length > KEPT) this.#events.shift();
    this.#wake();
  }

  /** No more events will come. */
  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  /** Whether an event of that id, or the one after it, is still kept: then nothing was missed. */
  knows(id: string): boolean {
    return this.#positionAfter(id) !== undefined;
  }

  /** Gives the events after that of the given id, or from now on, until the log ends or the signal is aborted. */
  async *follow(afterId: string | undefined, signal: AbortSignal): AsyncGenerator<LoggedEvent> {
    let next = (afterId === undefined ? undefined : this.#positionAfter(afterId)) ?? this.#count;
    while (!signal.aborted) {
      const first = this.#count - this.#events.length;
      for (; next < this.#count && !signal.aborted; next++) {
        const event = this.#events[Math.max(0, next - first)];
        if (event !== undefined) yield event;
      }
      if (this.#isEnded) return;
      await this.#nextEvent(signal);
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

/** Event id behind the last event of a run that has come to an end: who has seen it need not come back. */
export const LAST_EVENT_ID = 'end';
