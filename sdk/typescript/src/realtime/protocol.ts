import type { LinktorEvent } from '../types/event.js'

/** The WebSocket subprotocol. */
export const PROTOCOL = 'linktor.v1'

/** Selects events; what is absent selects everything. */
export interface Subscription {
  /** Names it; made up if absent. */
  id?: string
  /** Names, prefixes such as `message.*`, or `*`. */
  types?: readonly string[]
  channelId?: string
  conversationId?: string
}

export interface ReadyFrame {
  op: 'ready'
  session: string
  cursor: string
  heartbeatMs: number
  serverTime: string
  replay: { from: number; to: number } | null
}

export interface EventFrame {
  op: 'event'
  seq: number
  /** Everything up to here was sent before, or was not selected. */
  prev: number
  sub?: string[]
  event: LinktorEvent
}

export interface ResetFrame {
  op: 'reset'
  reason: string
  from: number
  to: number
  cursor: string
}

export type ServerFrame =
  | ReadyFrame
  | EventFrame
  | ResetFrame
  | { op: 'mark'; seq: number; cursor: string }
  | { op: 'pong' }
  | { op: 'ack'; ref: string }
  | { op: 'error'; ref?: string; code: string; message: string }
  | { op: 'reconnect'; afterMs: number; cursor: string }

/** What the server closes with. */
export const Close = {
  normal: 1000,
  unauthenticated: 4001,
  forbidden: 4003,
  badFrame: 4004,
  version: 4005,
  badCursor: 4007,
  heartbeat: 4009,
  revoked: 4011,
} as const

const FINAL = new Set<number>([Close.unauthenticated, Close.forbidden, Close.badFrame, Close.version, Close.revoked])

/** Whether connecting again cannot help. */
export function isFinal(code: number): boolean {
  return FINAL.has(code)
}

/** Reads a frame; undefined for one that this version does not understand. */
export function parseFrame(data: unknown): ServerFrame | undefined {
  if (typeof data !== 'string') return undefined
  try {
    const frame: unknown = JSON.parse(data)
    if (typeof frame !== 'object' || frame === null || !('op' in frame)) return undefined
    return frame as ServerFrame // the protocol's promise; unknown ops fall through every switch
  } catch {
    return undefined // not a frame of linktor.v1: the sequence check would notice a lost event
  }
}
