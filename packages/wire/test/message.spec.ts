import assert from 'node:assert/strict'
import { decode, encode } from '@ipld/dag-cbor'
import type { Decoded, Messages, MessageType, Signed } from '@rayswarm/interface'
import { MESSAGE_SIZE_BYTES_MAX } from '@rayswarm/params'
import fc from 'fast-check'
import {
  canonical,
  decodeMessage,
  encodeMessage,
  fromHex,
  isSignedType,
  type MessageOf,
  message,
  messageSizeBytesMax,
  nodeIdentity,
  SIGNED_TYPES,
  schemas,
  signed,
  verifySigned,
  type WireContext
} from '../src/index.ts'
import { mutated } from './mutations.ts'
import { sampleBodies } from './samples.ts'
import { readVectors } from './vectors.ts'

const TYPES = Object.keys(schemas) as MessageType[]
const context: WireContext = {
  identity: nodeIdentity(new Uint8Array(32).fill(7)),
  chainId: 31_337,
  netId: 'test'
}
const stranger: WireContext = { ...context, identity: nodeIdentity(new Uint8Array(32).fill(8)) }
const bodies = sampleBodies(context)
const messages = Object.fromEntries(TYPES.map(type => [type, messageOf(type, bodies[type])])) as {
  [T in MessageType]: MessageOf<T>
}

function messageOf(type: MessageType, body: unknown): MessageOf<MessageType> {
  const whole = isSignedType(type) ? signed(type, body as never, context) : message(type, body as never)
  return whole as MessageOf<MessageType>
}

function faultOf(decoded: Decoded<unknown>): string | undefined {
  return decoded.ok ? undefined : decoded.fault
}

describe('messages', () => {
  for (const type of TYPES)
    it(`come back as they were sent: ${type}`, () => {
      const decoded = decodeMessage(encodeMessage(messages[type]), [type], context)
      assert.deepEqual(decoded, { ok: true, value: messages[type] })
    })

  for (const { type, bytes } of readVectors().messages)
    it(`have one encoding: ${type}`, () => {
      const world = { ...context, ...readVectors().context }
      const decoded = decodeMessage(fromHex(bytes), TYPES, world)
      assert.ok(decoded.ok, decoded.ok ? '' : decoded.detail)
      assert.equal(decoded.value.type, type)
      assert.deepEqual(encodeMessage(decoded.value), fromHex(bytes))
      const elsewhere = { ...world, netId: 'elsewhere' }
      if (isSignedType(type))
        assert.equal(faultOf(decodeMessage(fromHex(bytes), [type], elsewhere)), 'bad-signature')
    })

  it('are refused where their type is not expected', () => {
    for (const type of TYPES) {
      const others = TYPES.filter(other => other !== type)
      assert.equal(faultOf(decodeMessage(encodeMessage(messages[type]), others, context)), 'malformed')
      assert.equal(faultOf(decodeMessage(encodeMessage(messages[type]), [], context)), 'oversized')
    }
  })

  it('have amounts as bigints, small or not', () => {
    const small = messageOf('bid', { ...bodies.bid, pricePerMegaUnit: 5n })
    const decoded = decodeMessage(encodeMessage(small), ['bid'], context)
    assert.ok(decoded.ok)
    assert.equal(decoded.value.body.pricePerMegaUnit, 5n)
  })

  it('have no fields that are undefined', () => {
    const { subtask: _, ...rest } = bodies.notice
    const undefinedField = { ...rest, subtask: undefined } as unknown as Messages['notice']
    assert.deepEqual(encodeMessage(message('notice', undefinedField)), encodeMessage(message('notice', rest)))
    const decoded = decodeMessage(encodeMessage(message('notice', rest)), ['notice'], context)
    assert.ok(decoded.ok)
    assert.equal('subtask' in decoded.value.body, false)
  })
})

describe('signed messages', () => {
  it('are bound to protocol, chain, network, type, signer and body', () => {
    for (const type of SIGNED_TYPES) {
      const bytes = encodeMessage(messages[type])
      assert.equal(faultOf(decodeMessage(bytes, [type], { ...context, chainId: 1 })), 'bad-signature')
      assert.equal(faultOf(decodeMessage(bytes, [type], { ...context, netId: 'other' })), 'bad-signature')
      const claimed = { ...messages[type], signer: stranger.identity.peerId }
      assert.equal(faultOf(decodeMessage(encodeMessage(claimed), [type], context)), 'bad-signature')
    }
    // The same body under another type: a commit vote has all the fields of nothing else, so the check is made directly.
    for (const type of SIGNED_TYPES)
      for (const other of SIGNED_TYPES)
        assert.equal(
          verifySigned({ ...messages[type], type: other } as Signed<unknown>, context),
          type === other
        )
  })

  it('are checked the same from bytes and from the decoded value', () => {
    for (const type of SIGNED_TYPES) {
      const decoded = decodeMessage(encodeMessage(messages[type]), [type], stranger)
      assert.ok(decoded.ok)
      assert.equal(verifySigned(decoded.value, stranger), true)
      const signature = Uint8Array.from(decoded.value.signature)
      signature[5]! ^= 1
      assert.equal(verifySigned({ ...decoded.value, signature } as Signed<unknown>, stranger), false)
    }
  })

  it('may be nested, and are then checked by whoever relies on them', () => {
    const grant = signed('grant', bodies.grant, stranger)
    const forged = { ...grant, signer: context.identity.peerId }
    const claim = message('claim', { ...bodies.claim, grant: forged })
    const decoded = decodeMessage(encodeMessage(claim), ['claim'], context)
    assert.ok(decoded.ok)
    assert.equal(verifySigned(decoded.value.body.grant!, context), false)
    assert.equal(verifySigned(grant, context), true)
  })

  it('are false, not an exception, for anything that is none', () => {
    for (const junk of [{ type: 'renew' }, { type: 'bid', body: () => 1 }, { type: 'nonsense', body: {} }])
      assert.equal(
        verifySigned(
          { signer: '', signature: new Uint8Array(), ...junk } as unknown as Signed<unknown>,
          context
        ),
        false
      )
  })
})

describe('limits', () => {
  it('hold for every type', () => {
    const { offer, notice, entry, direct } = MESSAGE_SIZE_BYTES_MAX
    assert.deepEqual(
      TYPES.map(messageSizeBytesMax),
      TYPES.map(type => ({ offer, notice, entry })[type as string] ?? direct)
    )
    for (const type of TYPES) {
      const large = new Uint8Array(messageSizeBytesMax(type) + 1)
      large.set(encodeMessage(messages[type]).slice(-20), large.length - 20)
      assert.equal(faultOf(decodeMessage(large, [type], context)), 'oversized')
      assert.equal(faultOf(decodeMessage(large, [type, 'commit'], context)), 'oversized')
      assert.notEqual(faultOf(decodeMessage(large.slice(1), [type], context)), 'oversized')
    }
  })

  it('leave room for the largest offer with usual addresses, and refuse to send a larger one', () => {
    const frames = Array.from({ length: 64 }, (_, i) => ({
      first: 15_000 * i + 1_000,
      last: 15_000 * i + 1_049
    }))
    const { peerId } = context.identity
    const addresses = Array.from({ length: 8 }, (_, i) => `/ip4/192.168.100.10${i}/tcp/40001/p2p/${peerId}`)
    const spec = { ...bodies.offer.spec, work: { ...bodies.offer.spec.work, frames }, name: 'n'.repeat(128) }
    const offer = signed('offer', { ...bodies.offer, spec, addresses }, context)
    const bytes = encodeMessage(offer)
    assert.ok(bytes.length <= MESSAGE_SIZE_BYTES_MAX.offer)
    assert.deepEqual(decodeMessage(bytes, ['offer'], context), { ok: true, value: offer })

    const long = { ...offer.body, addresses: addresses.map(a => a.padEnd(256, 'x')) }
    assert.throws(() => encodeMessage(signed('offer', long, context)), { code: 'ERR_OVERSIZED' })
  })

  it('refuse bombs at once', () => {
    const sizeBytes = MESSAGE_SIZE_BYTES_MAX.direct
    const tail = encode({ t: 'renew' }).slice(1)
    for (const unit of [
      [0x81],
      [0xa1, 0x61, 0x62],
      [0xd8, 0x2a],
      [0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
      [0x7b, 0, 0, 0, 0xff, 0, 0, 0, 0],
      [0x80]
    ]) {
      const bomb = Uint8Array.from({ length: sizeBytes }, (_, i) => unit[i % unit.length]!)
      bomb.set([0xa2, 0x61, 0x62])
      bomb.set(tail, sizeBytes - tail.length)
      assert.equal(faultOf(decodeMessage(bomb, ['renew'], context)), 'malformed')
    }
  })
})

describe('decodeMessage', () => {
  const anyMessage = fc.constantFrom(...TYPES).map(type => encodeMessage(messages[type]))

  it('never throws, and what it takes is encoded in one way only: injured messages', () => {
    let taken = 0
    fc.assert(
      fc.property(mutated(anyMessage), bytes => {
        const decoded = decodeMessage(bytes, TYPES, context)
        if (!decoded.ok) return
        taken++
        assert.deepEqual(encodeMessage(decoded.value), bytes)
      }),
      { numRuns: 3_000 }
    )
    assert.ok(taken > 0, 'no injured message was still a message: the property said nothing')
  })

  it('never throws: random bytes with a fitting end', () => {
    const ends = fc.constantFrom(...TYPES.map(type => encode({ t: type }).slice(1)))
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), ends, fc.boolean(), (start, end, ended) => {
        const bytes = ended ? Uint8Array.from([...start, ...end]) : start
        assert.equal(decodeMessage(bytes, TYPES, context).ok, false)
      }),
      { numRuns: 2_000 }
    )
  })

  it('never takes a signed message with an injured body', () => {
    const signedMessage = fc.constantFrom(...SIGNED_TYPES).map(type => encodeMessage(messages[type]))
    const originals = new Set(
      SIGNED_TYPES.map(type => Buffer.from(encodeMessage(messages[type])).toString('hex'))
    )
    fc.assert(
      fc.property(mutated(signedMessage), bytes => {
        const original = originals.has(Buffer.from(bytes).toString('hex'))
        assert.equal(decodeMessage(bytes, SIGNED_TYPES, context).ok, original)
      }),
      { numRuns: 1_000 }
    )
  })

  it('refuses every message with a field more, a field less or a field of another kind, at any depth', () => {
    const optional = new Set([
      'subtask',
      'reason',
      'grant',
      'register',
      'camera',
      'fence',
      'leftMs',
      'cert',
      'previous',
      'digest',
      'drawEpoch'
    ])
    /** Names that are optional in one message only. */
    const optionalOf: Partial<Record<MessageType, readonly string[]>> = {
      'cosign-reply': ['signature'],
      claim: ['lease'],
      renew: ['lease'],
      openings: ['looks'],
      'openings-page': ['lapsedAt'],
      recon: ['job'],
      'recon-reply': ['frame'],
      'items-query': ['job']
    }
    let checked = 0
    for (const type of TYPES)
      for (const injure of injuries(bodies[type], new Set([...optional, ...(optionalOf[type] ?? [])]))) {
        const body = decode(canonical(bodies[type]))
        injure(body)
        // Encoded by hand: the injured body must reach the decoder with a good signature.
        const bytes = envelope(type, body)
        assert.equal(faultOf(decodeMessage(bytes, [type], context)), 'malformed')
        checked++
      }
    assert.ok(checked > 1_000, String(checked))
  })

  it('takes a message without its optional fields', () => {
    const { grant: _g, lease: _l, ...claim } = bodies.claim
    const { register: _r, ...promise } = bodies.promise
    const { reason } = bodies.refusal
    const { previous: _p, ...entry } = bodies.entry
    const { camera: _c, ...work } = bodies.offer.spec.work
    const less: MessageOf<MessageType>[] = [
      message('claim', claim),
      signed('promise', promise, context),
      message('refusal', { reason }),
      signed('entry', entry, context),
      signed('offer', { ...bodies.offer, spec: { ...bodies.offer.spec, work } }, context)
    ]
    for (const whole of less)
      assert.deepEqual(decodeMessage(encodeMessage(whole), [whole.type], context), { ok: true, value: whole })
  })

  it('refuses an envelope with a field more or less', () => {
    const { signer: s, signature: g } = messages.bid
    const good = { b: decode(canonical(bodies.bid)), g, s, t: 'bid' }
    assert.equal(decodeMessage(encode(good), ['bid'], context).ok, true)
    for (const bad of [
      { ...good, a: 1 },
      { ...good, x: 1 },
      { b: good.b, t: 'bid' },
      { ...good, g: g.slice(1) },
      { ...good, s: 'x' },
      { ...good, s: 5 }
    ])
      assert.equal(faultOf(decodeMessage(encode(bad), ['bid'], context)), 'malformed')
    const renew = { b: decode(canonical(bodies.renew)), t: 'renew' }
    assert.equal(decodeMessage(encode(renew), ['renew'], context).ok, true)
    assert.equal(faultOf(decodeMessage(encode({ ...renew, s }), ['renew'], context)), 'malformed')
    assert.equal(faultOf(decodeMessage(encode({ ...renew, a: 1 }), ['renew'], context)), 'malformed')
    assert.equal(faultOf(decodeMessage(encode({ t: 'renew' }), ['renew'], context)), 'malformed')
  })
})

/** A message around any body, well signed. */
function envelope(type: MessageType, body: unknown): Uint8Array {
  if (!isSignedType(type)) return encode({ b: body, t: type })
  const { signature, signer } = signed(type, body as never, context)
  return encode({ b: body, g: signature, s: signer, t: type })
}

/** Ways to spoil a body, each at one place. */
function injuries(body: unknown, optional: ReadonlySet<string>): ((copy: unknown) => void)[] {
  const list: ((copy: unknown) => void)[] = []
  const visit = (value: unknown, path: readonly (string | number)[]) => {
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return
    const at = (copy: unknown) =>
      path.reduce((node, step) => (node as Record<string, unknown>)[step], copy) as Record<string, unknown>
    if (!Array.isArray(value)) {
      list.push(copy => Object.assign(at(copy), { surplus: 1 }))
      list.push(copy => Object.defineProperty(at(copy), '__proto__', { value: 1, enumerable: true }))
    }
    for (const key of Object.keys(value)) {
      if (!Array.isArray(value) && !optional.has(key)) list.push(copy => delete at(copy)[key])
      for (const other of [null, -1, 0.25, 'x\0', new Uint8Array(31), [[]], {}, 2n ** 64n - 1n])
        if (!mayBe(key, other)) list.push(copy => Object.assign(at(copy), { [key]: other }))
      visit((value as Record<string, unknown>)[key], [...path, key])
    }
  }
  visit(body, [])
  return list
}

/** Fields that take one of the spoiling values. */
function mayBe(key: string, value: unknown): boolean {
  if (key === 'exposureStops' || key === 'framesPerSecond')
    return value === 0.25 || (key === 'exposureStops' && value === -1)
  if (value instanceof Uint8Array) return ['frame', 'items', '0'].includes(key)
  const amounts = ['price', 'paid', 'gross', 'pricePerMegaUnit', 'pricePerMegaUnitMax']
  return typeof value === 'bigint' && amounts.includes(key)
}
