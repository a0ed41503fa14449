/** A bounded buffer between a producer that can pause and one consumer. */
export class Queue<T> {
  readonly #items: T[] = []
  readonly #limit: number
  #take: ((result: IteratorResult<T>) => void) | undefined
  #fail: ((error: unknown) => void) | undefined
  #drained: (() => void) | undefined
  #done = false
  #error: unknown

  constructor(limit: number) {
    this.#limit = limit
  }

  get full(): boolean {
    return this.#items.length >= this.#limit
  }

  /** The newest item that nobody took yet. */
  get last(): T | undefined {
    return this.#items.at(-1)
  }

  push(item: T): void {
    if (this.#done) return
    const take = this.#take
    this.#take = this.#fail = undefined
    if (take) take({ done: false, value: item })
    else this.#items.push(item)
  }

  next(): Promise<IteratorResult<T>> {
    const item = this.#items.shift()
    if (this.#items.length <= this.#limit / 2) this.#drained?.()
    if (item !== undefined) return Promise.resolve({ done: false, value: item })
    if (this.#error !== undefined) return Promise.reject(this.#error)
    if (this.#done) return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve, reject) => {
      this.#take = resolve
      this.#fail = reject
    })
  }

  /** Waits until a full queue is half empty. */
  room(): Promise<void> {
    if (!this.full || this.#done) return Promise.resolve()
    return new Promise((resolve) => (this.#drained = resolve))
  }

  /** Ends the queue once its items are taken. */
  end(error?: unknown): void {
    if (this.#done) return
    this.#done = true
    this.#error = error
    this.#drained?.()
    if (error === undefined) this.#take?.({ done: true, value: undefined })
    else this.#fail?.(error)
  }
}
