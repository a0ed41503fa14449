/** The part of a WebSocket event that we read. */
export interface SocketEvent {
  readonly type: string
  readonly data?: unknown
  readonly code?: number
  readonly reason?: string
}

/** The part of a WebSocket that we use; browsers, Node 22 and the `ws` package fit. */
export interface WebSocketLike {
  send(data: string): void
  close(code?: number, reason?: string): void
  addEventListener(type: 'open' | 'message' | 'close' | 'error', listener: (event: SocketEvent) => void): void
}

export type WebSocketConstructor = new (url: string, protocols?: string | string[]) => WebSocketLike
