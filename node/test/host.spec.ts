import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isRayswarmError } from '@rayswarm/interface'
import { nodeIdentity } from '@rayswarm/wire'
import { encryptKeystoreJson, Wallet } from 'ethers'
import fc from 'fast-check'
import { loadAccount, loadSeed } from '../src/host/keys.ts'
import { LevelStore } from '../src/host/level-store.ts'
import { SystemChance, SystemClock } from '../src/host/system-world.ts'
import { temporaryDir } from './support/program.ts'

const coded = (code: string) => (error: unknown) => isRayswarmError(error) && error.code === code

describe('LevelStore', () => {
  const dir = temporaryDir()
  after(() => dir.remove())

  it('keeps what was put, over restarts, until it is deleted', async () => {
    const path = join(dir.path, 'kept')
    const first = await LevelStore.open(path)
    await first.put('a/1', Uint8Array.of(1, 2, 3))
    await first.put('a/2', new Uint8Array())
    await first.delete('a/2')
    await first.delete('never there')
    await first.close()
    const second = await LevelStore.open(path)
    assert.deepEqual(await second.get('a/1'), Uint8Array.of(1, 2, 3))
    assert.equal(await second.get('a/2'), undefined)
    await second.close()
  })

  it('keeps the last of what was put at once under one key', async () => {
    const path = join(dir.path, 'at once')
    const first = await LevelStore.open(path)
    const writes = Array.from({ length: 200 }, (_, i) => first.put(`k${i % 7}`, Uint8Array.of(i)))
    void first.delete('k6')
    await Promise.all(writes)
    await first.close()
    const second = await LevelStore.open(path)
    for (let k = 0; k < 6; k++)
      assert.deepEqual(await second.get(`k${k}`), Uint8Array.of(k < 4 ? 196 + k : 189 + k))
    assert.equal(await second.get('k6'), undefined)
    await second.close()
  })

  it('lists exactly the keys of a prefix, in order', async () => {
    const store = await LevelStore.open(join(dir.path, 'listed'))
    const part = fc.stringMatching(/^[a-c./\uffff]{0,4}$/)
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(part, { maxLength: 12 }), part, async (names, prefix) => {
        const keys = names.map(name => `k${name}`)
        for (const key of keys) await store.put(key, new TextEncoder().encode(key))
        const listed: string[] = []
        for await (const [key, value] of store.list(`k${prefix}`)) {
          assert.equal(new TextDecoder().decode(value), key)
          listed.push(key)
        }
        const expected = keys.filter(key => key.startsWith(`k${prefix}`))
        assert.deepEqual(
          listed,
          expected.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        )
        for (const key of keys) await store.delete(key)
      }),
      { numRuns: 40 }
    )
    await store.close()
  })

  it('belongs to one process at a time', async () => {
    const path = join(dir.path, 'locked')
    const store = await LevelStore.open(path)
    await assert.rejects(LevelStore.open(path), coded('ERR_STORE_LOCKED'))
    await store.close()
    await (await LevelStore.open(path)).close()
  })

  it('needs a directory that can be written to', async () => {
    writeFileSync(join(dir.path, 'file'), '')
    await assert.rejects(LevelStore.open(join(dir.path, 'file', 'store')), coded('ERR_NOT_WRITABLE'))
  })
})

describe('keys', () => {
  const dir = temporaryDir()
  after(() => dir.remove())

  it('make one peer for ever, readable by its owner alone', async () => {
    const seed = await loadSeed(dir.path)
    assert.deepEqual(await loadSeed(dir.path), seed)
    assert.match(nodeIdentity(seed).peerId, /^12D3KooW/)
    assert.equal(statSync(join(dir.path, 'peer.key')).mode & 0o777, 0o600)
  })

  it('are not replaced when damaged', async () => {
    const damaged = temporaryDir()
    writeFileSync(join(damaged.path, 'peer.key'), 'abc')
    await assert.rejects(loadSeed(damaged.path), coded('ERR_USAGE'))
    assert.equal(readFileSync(join(damaged.path, 'peer.key'), 'utf8'), 'abc')
    damaged.remove()
  })

  it('make one account for ever, readable by its owner alone', async () => {
    const made = await loadAccount(dir.path, { encryptedOnly: false })
    assert.equal(made.created, true)
    assert.deepEqual(await loadAccount(dir.path, { encryptedOnly: false }), { ...made, created: false })
    assert.equal(statSync(join(dir.path, 'account.json')).mode & 0o777, 0o600)
  })

  it('lie in plain text only where no real money is', async () => {
    await assert.rejects(loadAccount(dir.path, { encryptedOnly: true }), coded('ERR_USAGE'))
    const fresh = temporaryDir()
    await assert.rejects(loadAccount(fresh.path, { encryptedOnly: true }), coded('ERR_USAGE'))
    fresh.remove()
  })

  it('open with their passphrase and no other', async () => {
    const locked = temporaryDir()
    const wallet = Wallet.createRandom()
    // Few rounds: what is tested is the file, not the cost of guessing.
    const { address, privateKey } = wallet
    const text = await encryptKeystoreJson({ address, privateKey }, 'right', { scrypt: { N: 1_024 } })
    writeFileSync(join(locked.path, 'account.json'), text)
    const opened = await loadAccount(locked.path, { passphrase: 'right', encryptedOnly: true })
    assert.equal(opened.account, wallet.address)
    await assert.rejects(
      loadAccount(locked.path, { passphrase: 'wrong', encryptedOnly: true }),
      coded('ERR_USAGE')
    )
    await assert.rejects(loadAccount(locked.path, { encryptedOnly: true }), coded('ERR_USAGE'))
    locked.remove()
  })
})

describe('SystemClock', () => {
  it('does not run backwards, and counts whole milliseconds', () => {
    const clock = new SystemClock()
    let last = clock.nowMs()
    assert.ok(Math.abs(last - Date.now()) < 2_500)
    for (let i = 0; i < 10_000; i++) {
      const now = clock.nowMs()
      assert.ok(now >= last && Number.isInteger(now))
      last = now
    }
  })

  it('waits for delays longer than a timer can count, and forgets cancelled ones', async () => {
    const clock = new SystemClock()
    const fired: string[] = []
    const long = clock.after(2 ** 31 + 1_000, () => fired.push('long'))
    const cancelled = clock.after(5, () => fired.push('cancelled'))
    cancelled.cancel()
    await new Promise<void>(resolve => clock.after(20, resolve))
    long.cancel()
    assert.deepEqual(fired, [])
  })
})

describe('SystemChance', () => {
  it('draws below one, and bytes of its own', () => {
    const chance = new SystemChance()
    for (let i = 0; i < 1_000; i++) assert.ok(chance.unit() >= 0 && chance.unit() < 1)
    assert.notDeepEqual(chance.bytes(32), chance.bytes(32))
    assert.equal(chance.bytes(7).length, 7)
  })
})
