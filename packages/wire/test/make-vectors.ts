/**
 * Writes spec/vectors/wire.json. Run by hand when the wire changes, and read the difference:
 * `node packages/wire/dist/test/make-vectors.js`
 */
import { writeFileSync } from 'node:fs'
import { etc, Point } from '@noble/ed25519'
import { sha512 } from '@noble/hashes/sha2.js'
import type { MessageType } from '@rayswarm/interface'
import {
  canonical,
  cidOf,
  encodeMessage,
  isSignedType,
  message,
  nodeIdentity,
  peerIdOf,
  type SignedType,
  sha256,
  signed,
  toHex,
  type WireContext
} from '../src/index.ts'
import { sampleBodies } from './samples.ts'
import { toText, VECTORS_FILE, type WireVectors } from './vectors.ts'

const { n: L, p: P } = Point.CURVE()
const context: WireContext = {
  identity: nodeIdentity(new Uint8Array(32).fill(7)),
  chainId: 31_337,
  netId: 'vectors'
}

const MESSAGE = new TextEncoder().encode('rayswarm')

function makeVectors(): WireVectors {
  return {
    context: { chainId: context.chainId, netId: context.netId },
    canonical: canonicalVectors(),
    messages: messageVectors(),
    signatures: [...rfcSignatures(), ...degenerateKeys(), ...degenerateSignatures(), ...mixedOrder()]
  }
}

function canonicalVectors(): WireVectors['canonical'] {
  const values: [string, unknown][] = [
    ['fields by length, then by byte', { bb: 1, a: 2, aa: 3, b: 4 }],
    ['undefined fields are dropped', { a: 1, b: undefined }],
    ['a small amount is an integer like any other', 23n],
    ['the largest amount', 2n ** 64n - 1n],
    ['the largest safe number', Number.MAX_SAFE_INTEGER],
    ['a fraction takes eight bytes', 23.976],
    ['minus zero is zero', -0],
    ['bytes', Uint8Array.of(1, 2, 3)],
    ['text is UTF-8', 'Größe'],
    ['nested', { list: [null, true, { z: [] }], map: {} }]
  ]
  return values.map(([name, value]) => ({
    name,
    value: toText(value),
    bytes: toHex(canonical(value)),
    cid: cidOf(value)
  }))
}

function messageVectors(): WireVectors['messages'] {
  const bodies = sampleBodies(context)
  return (Object.keys(bodies) as MessageType[]).map(type => {
    const whole = isSignedType(type)
      ? signed(type, bodies[type], context)
      : message(type as Exclude<MessageType, SignedType>, bodies[type] as never)
    return { type, bytes: toHex(encodeMessage(whole)) }
  })
}

/** RFC 8032, section 7.1. */
function rfcSignatures(): WireVectors['signatures'] {
  const rows = [
    [
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      '',
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b'
    ],
    [
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      '72',
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00'
    ],
    [
      'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
      'af82',
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a'
    ]
  ] as const
  return rows.map(([publicKey, bytes, signature], i) => ({
    name: `RFC 8032 test ${i + 1}`,
    publicKey: `0x${publicKey}`,
    message: `0x${bytes}`,
    signature: `0x${signature}`,
    valid: true
  }))
}

/** Keys of small order, in all their encodings: with R of the same kind and S = 0, some verifiers take them for anything. */
function degenerateKeys(): WireVectors['signatures'] {
  const identity = littleEndian(1n)
  const keys = smallOrderPoints().map(point => point.toBytes())
  const odd = [
    littleEndian(P), // y = 0, written as p
    littleEndian(P + 1n), // y = 1, written as p + 1
    withSign(littleEndian(1n)), // the identity with the sign of a zero x
    withSign(littleEndian(P - 1n)),
    withSign(littleEndian(P)),
    withSign(littleEndian(P + 1n))
  ]
  const canonicalKeys = keys.map((key, i) =>
    row(`key of small order, ${i + 1} of 8`, key, identity, 0n, false)
  )
  const oddKeys = odd.map((key, i) =>
    row(`key of small order in an odd encoding, ${i + 1} of 6`, key, identity, 0n, false)
  )
  const held = smallOrderPoints().map((point, i) =>
    equationHeld(`key of small order, ${i + 1} of 8, and the equation holds`, point)
  )
  const unreduced = row('key whose y is not below p', littleEndian(P + 3n), Point.BASE.toBytes(), 1n, false)
  const offCurve = row('key that is no point', littleEndian(2n), Point.BASE.toBytes(), 1n, false)
  return [...canonicalKeys, ...oddKeys, ...held, unreduced, offCurve]
}

/** An ordinary R for which `[k]A` vanishes, so that only the rule about keys can refuse it. */
function equationHeld(name: string, key: InstanceType<typeof Point>): WireVectors['signatures'][number] {
  const A = key.toBytes()
  for (let r = 1n; ; r++) {
    const R = Point.BASE.multiply(r).toBytes()
    if (challenge(R, A) % 8n === 0n) return row(name, A, R, r, false)
  }
}

function degenerateSignatures(): WireVectors['signatures'] {
  const { a, r } = secrets()
  const A = Point.BASE.multiply(a).toBytes()
  const R = Point.BASE.multiply(r).toBytes()
  const S = etc.mod(r + challenge(R, A) * a, L)
  const identity = littleEndian(1n)
  const rIdentity = (encoding: Uint8Array) => etc.mod(challenge(encoding, A) * a, L)
  const oddIdentity = littleEndian(P + 1n)
  const torsion = smallOrderPoints().find(point => !point.double().double().is0())!
  const mixedR = Point.BASE.multiply(r).add(torsion).toBytes()
  return [
    row('honest', A, R, S, true),
    row('S + L: the same signature in another spelling', A, R, S + L, false),
    row('S = L - 1', A, R, L - 1n, false),
    row('S = L', A, R, L, false),
    row('R is the identity and the equation holds', A, identity, rIdentity(identity), false),
    row('R is the identity in an odd encoding', A, oddIdentity, rIdentity(oddIdentity), false),
    row(
      'R has a part of small order; holds only with a cofactor',
      A,
      mixedR,
      etc.mod(r + challenge(mixedR, A) * a, L),
      false
    ),
    row('R with the other sign', A, flipSign(R), S, false),
    row('another key', Point.BASE.multiply(a + 1n).toBytes(), R, S, false),
    { ...row('63 bytes', A, R, S, false), signature: toHex(joined(R, S).subarray(0, 63)) },
    { ...row('65 bytes', A, R, S, false), signature: toHex(etc.concatBytes(joined(R, S), Uint8Array.of(0))) },
    { ...row('no bytes', A, R, S, false), signature: '0x' }
  ]
}

/** Keys with a part of small order: the equation without cofactor holds for one message in eight. */
function mixedOrder(): WireVectors['signatures'] {
  const { a } = secrets()
  const torsion = smallOrderPoints().find(point => !point.double().double().is0())!
  const A = Point.BASE.multiply(a).add(torsion).toBytes()
  const rows: WireVectors['signatures'][number][] = []
  for (let r = 1n, held = 0, failed = 0; held < 2 || failed < 2; r++) {
    const R = Point.BASE.multiply(r).toBytes()
    const k = challenge(R, A)
    const holds = k % 8n === 0n
    if (holds ? held++ >= 2 : failed++ >= 2) continue
    const name = holds
      ? 'key of mixed order, equation holds'
      : 'key of mixed order, holds only with a cofactor'
    rows.push(row(name, A, R, etc.mod(r + k * a, L), holds))
  }
  return rows
}

function smallOrderPoints(): InstanceType<typeof Point>[] {
  // Any point times L is of small order; one of order 8 generates them all.
  for (let y = 3n; ; y++) {
    let point: InstanceType<typeof Point>
    try {
      point = Point.fromBytes(littleEndian(y), false)
    } catch {
      continue
    }
    const torsion = point.multiplyUnsafe(L - 1n).add(point)
    if (torsion.double().double().is0()) continue
    const points = [Point.ZERO]
    for (let i = 1; i < 8; i++) points.push(points[i - 1]!.add(torsion))
    return points
  }
}

function secrets(): { a: bigint; r: bigint } {
  const number = (text: string) => etc.mod(fromLittleEndian(sha256(new TextEncoder().encode(text))), L)
  return { a: number('key'), r: number('nonce') }
}

function challenge(R: Uint8Array, A: Uint8Array): bigint {
  return etc.mod(fromLittleEndian(sha512(etc.concatBytes(R, A, MESSAGE))), L)
}

function row(
  name: string,
  A: Uint8Array,
  R: Uint8Array,
  S: bigint,
  valid: boolean
): WireVectors['signatures'][number] {
  peerIdOf(A) // every key has a peer id, degenerate or not
  return { name, publicKey: toHex(A), message: toHex(MESSAGE), signature: toHex(joined(R, S)), valid }
}

function joined(R: Uint8Array, S: bigint): Uint8Array {
  return etc.concatBytes(R, littleEndian(S))
}

function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn))
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

function withSign(point: Uint8Array): Uint8Array {
  return point.with(31, point[31]! | 0x80)
}

function flipSign(point: Uint8Array): Uint8Array {
  return point.with(31, point[31]! ^ 0x80)
}

writeFileSync(VECTORS_FILE, `${JSON.stringify(makeVectors(), null, 1)}\n`)
