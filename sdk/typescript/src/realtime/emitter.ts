type Listener = (...args: never[]) => void

/** A small event emitter that works in every runtime. */
export class Emitter {
  readonly #listeners = new Map<string, Set<Listener>>()

  add(name: string, listener: Listener): void {
    const set = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, set.add(listener))
  }

  remove(name: string, listener: Listener): void {
    this.#listeners.get(name)?.delete(listener)
  }

  has(name: string): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0
  }

  emit(name: string, ...args: unknown[]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        listener(...(args as never[])) // `on` gave the listener its types
      } catch (error) {
        // The stream goes on; the error surfaces as uncaught, as it would from any callback.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
