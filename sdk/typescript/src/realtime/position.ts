/** A log that never had an event; its first event gives it its real epoch. */
const EMPTY_EPOCH = 'e0'

/** What to do with an event frame. */
export type Verdict = 'next' | 'duplicate' | 'gap'

/** Where a connection is in the log: everything up to `seq` was received. */
export class Position {
  #epoch: string | undefined
  #seq = -1
  /** A cursor of the caller's that we cannot read; the server may. */
  #foreign: string | undefined

  constructor(cursor?: string) {
    if (cursor !== undefined) this.reset(cursor)
  }

  get seq(): number {
    return this.#seq
  }

  /** The cursor to resume from; undefined for "from now on". */
  get cursor(): string | undefined {
    if (this.#epoch === undefined) return this.#foreign
    // The numbers after an empty log's start are another epoch's, whose name we
    // do not know yet. Resuming from 0 repeats some; they are dropped by number.
    return `v1.${this.#epoch}.${this.#epoch === EMPTY_EPOCH ? 0 : this.#seq}`
  }

  /** Goes to a cursor, forwards or backwards. */
  reset(cursor: string | undefined): void {
    const parsed = cursor === undefined ? undefined : parse(cursor)
    this.#foreign = cursor
    this.#epoch = parsed?.epoch
    this.#seq = parsed?.seq ?? -1
  }

  /** Takes over a cursor of the server's, without going backwards. */
  advance(cursor: string): void {
    const parsed = parse(cursor)
    if (!parsed) return
    this.#epoch = parsed.epoch
    this.#seq = Math.max(this.#seq, parsed.seq)
  }

  /** Judges an event frame. */
  judge(frame: { seq: number; prev: number }): Verdict {
    if (frame.seq <= this.#seq) return 'duplicate'
    return frame.prev > this.#seq ? 'gap' : 'next'
  }

  /** Records that the event with this number was received. */
  take(seq: number): void {
    this.#seq = seq
  }
}

function parse(cursor: string): { epoch: string; seq: number } | undefined {
  const match = /^v1\.([A-Za-z0-9_-]+)\.(\d+)$/.exec(cursor)
  return match?.[1] === undefined ? undefined : { epoch: match[1], seq: Number(match[2]) }
}
