/**
 * What the wire costs, beside what its parts cost alone, in one run on one machine.
 *
 * Run: `node packages/wire/dist/bench/wire.js`
 */
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { decode, encode } from '@ipld/dag-cbor'
import type { Bid, ReplicaKey } from '@rayswarm/interface'
import {
  decodeMessage,
  encodeMessage,
  message,
  nobleIdentity,
  nodeIdentity,
  signed,
  verifySigned
} from '../src/index.ts'
import { sampleBodies } from '../test/samples.ts'

const BATCH = 200
const MEASURE_MS = 400

const seed = new Uint8Array(32).fill(7)
const context = { identity: nodeIdentity(seed), chainId: 31_337, netId: 'bench' }
const unchecked = { ...context, identity: { ...context.identity, verify: () => true } }
const bodies = sampleBodies(context)

function perSecond(fn: () => unknown): number {
  for (let i = 0; i < BATCH; i++) fn()
  const from = performance.now()
  let count = 0
  let elapsedMs = 0
  while (elapsedMs < MEASURE_MS) {
    for (let i = 0; i < BATCH; i++) fn()
    count += BATCH
    elapsedMs = performance.now() - from
  }
  return Math.round((count / elapsedMs) * 1_000)
}

function row(name: string, ours: number, raw?: number): void {
  const ratio = raw === undefined ? '' : `${(ours / raw).toFixed(2)}`
  console.log(
    `${name.padEnd(34)} ${String(ours).padStart(10)} ${String(raw ?? '').padStart(10)} ${ratio.padStart(6)}`
  )
}

console.log(`${'per second'.padEnd(34)} ${'wire'.padStart(10)} ${'raw'.padStart(10)} ${'ratio'.padStart(6)}`)

const renew: { replica: ReplicaKey; holder: string; fence: number; progressBps: number } = bodies.renew
const unsignedMessage = message('renew', renew)
const unsignedBytes = encodeMessage(unsignedMessage)
const unsignedRaw = { b: renew, t: 'renew' }
row(
  `encode renew (${unsignedBytes.length} B) | dag-cbor`,
  perSecond(() => encodeMessage(unsignedMessage)),
  perSecond(() => encode(unsignedRaw))
)
row(
  'decode renew | dag-cbor',
  perSecond(() => decodeMessage(unsignedBytes, ['renew'], context)),
  perSecond(() => decode(unsignedBytes))
)

const bid: Bid = bodies.bid
const signedMessage = signed('bid', bid, context)
const signedBytes = encodeMessage(signedMessage)
const signedRaw = { b: bid, g: signedMessage.signature, s: signedMessage.signer, t: 'bid' }
row(
  `encode bid (${signedBytes.length} B) | dag-cbor`,
  perSecond(() => encodeMessage(signedMessage)),
  perSecond(() => encode(signedRaw))
)
row(
  'decode bid, unverified | dag-cbor',
  perSecond(() => decodeMessage(signedBytes, ['bid'], unchecked)),
  perSecond(() => decode(signedBytes))
)

const offer = signed('offer', bodies.offer, context)
const offerBytes = encodeMessage(offer)
row(
  `decode offer (${offerBytes.length} B), unverified`,
  perSecond(() => decodeMessage(offerBytes, ['offer'], unchecked)),
  perSecond(() => decode(offerBytes))
)

const commit = signed('commit', bodies.commit, context)
const commitBytes = encodeMessage(commit)
row(
  `decode commit (${commitBytes.length} B), unverified`,
  perSecond(() => decodeMessage(commitBytes, ['commit'], unchecked)),
  perSecond(() => decode(commitBytes))
)

const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
const publicKey = createPublicKey(privateKey)
const payload = encode(bid)
const signature = sign(null, payload, privateKey)
row(
  'sign bid | node:crypto',
  perSecond(() => signed('bid', bid, context)),
  perSecond(() => sign(null, payload, privateKey))
)
row(
  'verify bid | node:crypto',
  perSecond(() => verifySigned(signedMessage, context)),
  perSecond(() => verify(null, payload, publicKey, signature))
)
row(
  'decode and verify bid',
  perSecond(() => decodeMessage(signedBytes, ['bid'], context)),
  perSecond(() => verify(null, payload, publicKey, signature))
)

const noble = nobleIdentity(seed)
const nobleSignature = noble.sign(payload)
row(
  'verify, noble (raw: node)',
  perSecond(() => noble.verify(noble.peerId, payload, nobleSignature)),
  perSecond(() => verify(null, payload, publicKey, signature))
)
