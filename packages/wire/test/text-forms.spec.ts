import assert from 'node:assert/strict'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { BoundedMap } from '../src/bounded-map.ts'
import {
  bytesEqual,
  fromHex,
  isAccount,
  nodeIdentity,
  peerIdOf,
  publicKeyOf,
  replicaId,
  sha256,
  toAccount,
  toHex
} from '../src/index.ts'
import { cid as cidSchema, isAssetPath, jobId } from '../src/schema/fields.ts'

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 })

describe('hex', () => {
  it('is lower case with 0x, there and back', () => {
    fc.assert(
      fc.property(fc.uint8Array(), bytes => {
        assert.deepEqual(fromHex(toHex(bytes)), bytes)
      })
    )
    for (const text of ['', '00', '0x0', '0xAB', '0x0g', ' 0x00'])
      assert.throws(() => fromHex(text), TypeError)
  })
})

describe('bytes', () => {
  it('are equal when all of them are', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
        assert.equal(bytesEqual(a, b), Buffer.compare(a, b) === 0)
        assert.equal(bytesEqual(a, Uint8Array.from(a)), true)
      })
    )
  })

  it('hash the same in one part and in several', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
        assert.deepEqual(sha256(a, b), sha256(Uint8Array.from([...a, ...b])))
      })
    )
    const empty = '0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    assert.equal(toHex(sha256()), empty)
    assert.equal(toHex(sha256(new Uint8Array())), empty)
  })
})

describe('peer ids', () => {
  it('carry the key, there and back', () => {
    fc.assert(
      fc.property(bytes32, key => {
        const peer = peerIdOf(key)
        assert.match(peer, /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/)
        assert.deepEqual(publicKeyOf(peer), key)
      })
    )
  })

  it('have one spelling', () => {
    const { peerId } = nodeIdentity(new Uint8Array(32).fill(1))
    const others = ['', peerId.slice(1), `${peerId} `, `1${peerId}`, `z${peerId}`, peerId.replace(/.$/, '0')]
    for (const text of [...others, 'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG'])
      assert.equal(publicKeyOf(text), undefined, text)
    assert.throws(() => peerIdOf(new Uint8Array(31)), RangeError)
  })
})

describe('accounts', () => {
  it('are spelt as EIP-55 says', () => {
    for (const account of [
      '0x52908400098527886E0F7030069857D2E4169EE7',
      '0x8617E340B3D01FA5F11F306F4090FD50E238070D',
      '0xde709f2102306220921060314715629080e2fb77',
      '0x27b1fdb04752bbc536007a920d24acb045561c26',
      '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed',
      '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359',
      '0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB',
      '0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb'
    ]) {
      assert.equal(toAccount(account.toLowerCase()), account)
      assert.equal(isAccount(account), true)
    }
    assert.equal(isAccount('0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed'), false)
    assert.equal(isAccount(`0x${'00'.repeat(20)}`), false)
    for (const text of ['', '0x', '0x52908400098527886E0F7030069857D2E4169EE', 'x'.repeat(42)])
      assert.equal(toAccount(text), undefined)
  })
})

describe('content ids', () => {
  it('are admitted exactly when multiformats writes them so', () => {
    fc.assert(
      fc.property(bytes32, fc.constantFrom(0x55, 0x70, 0x71), (digest, codec) => {
        const text = CID.createV1(codec, create(0x12, digest)).toString()
        assert.equal(cidSchema.safeParse(text).success, true)
        assert.equal(jobId.safeParse(text).success, codec === 0x71)
      })
    )
  })

  it('have one spelling', () => {
    const digit = fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz234567')
    const text = fc.tuple(
      fc.constantFrom('bafkrei', 'bafybei', 'bafyrei'),
      fc.array(digit, { minLength: 52, maxLength: 52 })
    )
    fc.assert(
      fc.property(text, ([prefix, digits]) => {
        const candidate = prefix + digits.join('')
        let spelling: string | undefined
        try {
          const cid = CID.parse(candidate)
          if (cid.multihash.code === 0x12 && cid.multihash.digest.length === 32)
            spelling = CID.decode(cid.bytes).toString()
        } catch {
          // not a CID at all
        }
        assert.equal(cidSchema.safeParse(candidate).success, spelling === candidate)
      }),
      { numRuns: 1_000 }
    )
    for (const other of [
      'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG',
      'bafy',
      '',
      'bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi '
    ])
      assert.equal(cidSchema.safeParse(other).success, false)
  })
})

describe('asset paths', () => {
  it('stay inside', () => {
    for (const path of ['scene.glb', 'a/b.png', '..a/b..', 'ä/ö.gltf', 'a b'])
      assert.equal(isAssetPath(path), true, path)
    for (const path of [
      '',
      '/a',
      'a/',
      'a//b',
      '.',
      '..',
      'a/..',
      './a',
      'a/./b',
      'a\\b',
      'C:a',
      'a\0b',
      '\ud800',
      'x'.repeat(257),
      5
    ])
      assert.equal(isAssetPath(path), false, String(path))
  })
})

describe('replicaId', () => {
  it('is different for different replicas', () => {
    const ids = new Set<string>()
    for (const subtask of [0, 1, 11])
      for (const replica of [0, 1, 11])
        for (const generation of [0, 1]) ids.add(replicaId({ job: 'j', subtask, replica, generation }))
    assert.equal(ids.size, 18)
  })
})

describe('BoundedMap', () => {
  it('never holds more than its bound, and always the latest', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(40), { minLength: 100, maxLength: 100 }), keys => {
        const map = new BoundedMap<number, number>(16)
        for (const key of keys) {
          map.set(key, key * 2)
          assert.equal(map.get(key), key * 2)
          assert.ok(map.size <= 16)
        }
      })
    )
  })
})
