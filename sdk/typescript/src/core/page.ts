/** A list answer as the server sends it. */
export interface ListBody<T> {
  data: T[]
  page?: { next?: string | null; hasMore?: boolean }
  cursor?: string
  reset?: EventReset
}

/** Events are missing: older than the log keeps (retention), or numbered in another log (epoch). */
export interface EventReset {
  reason: string
  /** The first and the last number that is missing. */
  from: number
  to: number
}

type Fetcher<T> = (after: string | undefined) => Promise<ListBody<T>>

/** One page of a list. Iterating it goes on through all later pages. */
export class Page<T> implements AsyncIterable<T> {
  readonly data: T[]
  /** The cursor to pass as `after`; undefined on the last page. */
  readonly next: string | undefined
  /** For events: the position after this page. */
  readonly cursor: string | undefined
  /** For events: the page does not begin right behind `after`. */
  readonly reset: EventReset | undefined
  readonly #fetch: Fetcher<T>

  constructor(body: ListBody<T>, fetch: Fetcher<T>) {
    this.data = body.data
    this.next = (body.page?.hasMore && body.page.next) || undefined
    this.cursor = body.cursor
    this.reset = body.reset
    this.#fetch = fetch
  }

  hasNextPage(): boolean {
    return this.next !== undefined
  }

  /** Fetches the next page; throws a RangeError if this is the last. */
  async getNextPage(): Promise<Page<T>> {
    if (this.next === undefined) throw new RangeError('there is no next page; ask hasNextPage first')
    return new Page(await this.#fetch(this.next), this.#fetch)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    let page: Page<T> = this
    for (;;) {
      yield* page.data
      if (!page.hasNextPage()) return
      page = await page.getNextPage()
    }
  }
}

/** A list call: await it for the first page, or iterate it for every item. */
export class List<T> implements PromiseLike<Page<T>>, AsyncIterable<T> {
  readonly #fetch: Fetcher<T>
  readonly #after: string | undefined
  #first: Promise<Page<T>> | undefined

  constructor(fetch: Fetcher<T>, after?: string) {
    this.#fetch = fetch
    this.#after = after
  }

  then<A = Page<T>, B = never>(
    onPage?: ((page: Page<T>) => A | PromiseLike<A>) | null,
    onError?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#first ??= this.#fetch(this.#after).then((body) => new Page(body, this.#fetch))
    return this.#first.then(onPage, onError)
  }

  catch<B>(onError: (reason: unknown) => B | PromiseLike<B>): Promise<Page<T> | B> {
    return this.then(undefined, onError)
  }

  finally(done: () => void): Promise<Page<T>> {
    return this.then().finally(done)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    yield* await this.then()
  }
}
