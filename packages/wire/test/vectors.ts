import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Hex, MessageType } from '@rayswarm/interface'
import { fromHex, toHex } from '../src/index.ts'

export const VECTORS_FILE = join(import.meta.dirname, '../../../../spec/vectors/wire.json')

export interface WireVectors {
  readonly context: { readonly chainId: number; readonly netId: string }
  readonly canonical: readonly {
    readonly name: string
    readonly value: unknown
    readonly bytes: Hex
    readonly cid: string
  }[]
  readonly messages: readonly { readonly type: MessageType; readonly bytes: Hex }[]
  readonly signatures: readonly {
    readonly name: string
    readonly publicKey: Hex
    readonly message: Hex
    readonly signature: Hex
    readonly valid: boolean
  }[]
}

export function readVectors(): WireVectors {
  return JSON.parse(readFileSync(VECTORS_FILE, 'utf8')) as WireVectors
}

/** A value as JSON: amounts, bytes and what JSON cannot say become text with a mark before it. */
export function toText(value: unknown): unknown {
  if (typeof value === 'bigint') return `amount:${value}`
  if (Object.is(value, -0)) return 'minus zero'
  if (value === undefined) return 'undefined'
  if (value instanceof Uint8Array) return `bytes:${toHex(value)}`
  if (Array.isArray(value)) return value.map(toText)
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, toText(field)]))
  return value
}

export function fromText(value: unknown): unknown {
  if (value === 'minus zero') return -0
  if (value === 'undefined') return undefined
  if (typeof value === 'string' && value.startsWith('amount:')) return BigInt(value.slice(7))
  if (typeof value === 'string' && value.startsWith('bytes:')) return fromHex(value.slice(6))
  if (Array.isArray(value)) return value.map(fromText)
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, fromText(field)]))
  return value
}
