import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isRayswarmError, type JobSpec, type PeerEvents } from '@rayswarm/interface'
import { Emitter } from '@rayswarm/peer'
import { jobIdOf } from '@rayswarm/wire'
import fc from 'fast-check'
import sharp from 'sharp'
import { sizeBytes, wholeNumber } from '../src/cli/options.ts'
import { diskFullAmong, partialPath, sweepPartials, writeWhole } from '../src/disk.ts'
import { writeContactSheet } from '../src/publish/contact-sheet.ts'
import { writeFilm } from '../src/publish/film.ts'
import { JobRecords } from '../src/publish/job-records.ts'
import { Pictures, pngsOf } from '../src/publish/pictures.ts'
import { readSwarmFile } from '../src/swarm-file.ts'
import { formatTokens, parseTokens } from '../src/tokens.ts'
import { temporaryDir } from './support/program.ts'

const coded = (code: string) => (error: unknown) => isRayswarmError(error) && error.code === code

describe('files', () => {
  const dir = temporaryDir()
  const at = (...parts: string[]): string => join(dir.path, ...parts)
  after(() => dir.remove())

  it('appear whole, and leave nothing when they cannot', async () => {
    await writeWhole(at('deep', 'er', 'file'), 'text', { thing: 'file', mode: 0o600 })
    assert.equal(readFileSync(at('deep', 'er', 'file'), 'utf8'), 'text')
    mkdirSync(at('taken', 'by-a-directory'), { recursive: true })
    await assert.rejects(
      writeWhole(at('taken', 'by-a-directory'), 'x', { thing: 'file' }),
      coded('ERR_NOT_WRITABLE')
    )
    assert.deepEqual(readdirSync(at('taken')), ['by-a-directory'])
  })

  it('that a killed process left half-written are swept', async () => {
    const partial = partialPath(at('deep', 'picture.png'))
    writeFileSync(partial, 'half')
    writeFileSync(at('deep', 'other.partial'), 'not ours')
    await sweepPartials(at('deep'))
    assert.equal(existsSync(partial), false)
    assert.equal(existsSync(at('deep', 'other.partial')), true)
  })

  it('that a full disk refused are told from other failures, however deep the cause', () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
    const wrapped = new Error('did not open', { cause: new Error('IO', { cause: full }) })
    assert.equal(diskFullAmong(wrapped, 'data directory', '/x')?.code, 'ERR_DISK_FULL')
    assert.equal(diskFullAmong(new Error('something else'), 'data directory', '/x'), undefined)
  })

  it('of a swarm hand no faucet out on mainnet', async () => {
    const account = '0x52908400098527886E0F7030069857D2E4169EE7'
    const chain = { chainId: 1, rpcUrl: 'https://example.org', token: account, escrow: account }
    const file = { netId: 'main', preset: 'mainnet', chain, bootstrap: [], faucetKey: `0x${'1'.repeat(64)}` }
    writeFileSync(at('swarm.json'), JSON.stringify(file))
    await assert.rejects(readSwarmFile(at('swarm.json')), coded('ERR_USAGE'))
    writeFileSync(at('swarm.json'), JSON.stringify({ ...file, faucetKey: undefined }))
    assert.equal((await readSwarmFile(at('swarm.json'))).preset, 'mainnet')
  })
})

describe('job records', () => {
  const dir = temporaryDir()
  after(() => dir.remove())
  const specOf = (nonce: number): JobSpec => ({ name: 'x', nonce }) as unknown as JobSpec

  it('tell a job to be taken up from one that is over', async () => {
    const records = await JobRecords.open(dir.path)
    assert.equal(records.unsettled(specOf, false).nonce, 0)
    const record = { job: jobIdOf(specOf(0)), name: 'x', outDir: '/out', settled: false }
    await records.put(record)
    assert.equal(records.unsettled(specOf, false).nonce, 0)
    await records.put({ ...record, settled: true })
    const again = await JobRecords.open(dir.path)
    assert.throws(() => again.unsettled(specOf, false), coded('ERR_USAGE'))
    assert.equal(again.unsettled(specOf, true).nonce, 1)
    assert.deepEqual(again.open(), [])
  })
})

describe('frames on their way to the disk', () => {
  const dir = temporaryDir()
  after(() => dir.remove())
  const frame = (job: string, number: number, path = `frame_${number}.png`) => ({
    job,
    frame: number,
    artifacts: [{ path, bytes: Uint8Array.of(number) }]
  })

  function watched(): { pictures: Pictures; events: Emitter<PeerEvents> } {
    const pictures = new Pictures()
    const events = new Emitter<PeerEvents>()
    pictures.watch({ events })
    return { pictures, events }
  }

  it('go to the directory of their job, and nowhere when nobody asked for them', async () => {
    const { pictures, events } = watched()
    const one = pictures.expect('one', join(dir.path, 'one'))
    const two = pictures.expect('two', join(dir.path, 'two'))
    for (const job of ['one', 'two', 'stranger']) events.emit('frame:finished', frame(job, 2))
    events.emit('frame:finished', frame('one', 1))
    await pictures.written()
    assert.deepEqual(
      pngsOf(one),
      [1, 2].map(n => join(dir.path, 'one', 'frames', `frame_${n}.png`))
    )
    assert.equal(pngsOf(two).length, 1)
    assert.deepEqual(readdirSync(dir.path).toSorted(), ['one', 'two'])
  })

  it('stop at the first that cannot be written, and say so', async () => {
    const { pictures, events } = watched()
    writeFileSync(join(dir.path, 'file'), '')
    const lost = pictures.expect('lost', join(dir.path, 'file'))
    const kept = pictures.expect('kept', join(dir.path, 'kept'))
    let toldCount = 0
    pictures.onChange(() => toldCount++)
    events.emit('frame:finished', frame('lost', 1))
    events.emit('frame:finished', frame('kept', 1))
    await pictures.written()
    assert.ok(coded('ERR_NOT_WRITABLE')(pictures.failure))
    assert.deepEqual([toldCount, lost.frames.size, kept.frames.size], [1, 0, 0])
  })

  for (const path of ['../outside.png', '/outside.png'])
    it(`do not go to ${path}`, async () => {
      const { pictures, events } = watched()
      pictures.expect('job', join(dir.path, 'inside'))
      events.emit('frame:finished', frame('job', 1, path))
      await pictures.written()
      assert.ok(pictures.failure instanceof RangeError)
    })
})

describe('amounts and sizes', () => {
  it('are read back as they are written', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 18n - 1n }), amount => {
        assert.equal(parseTokens(formatTokens(amount), '--budget'), amount)
      })
    )
  })

  it('are refused when they are anything else', () => {
    for (const text of ['', '-1', '1e3', '1.', '.5', '0x10', '1.0000001', ' 1', '1 000'])
      assert.throws(() => parseTokens(text, '--budget'), coded('ERR_USAGE'), text)
    for (const text of ['', '-1', '1.5', '1e3', '0x10', '99999999999999999999'])
      assert.throws(() => wholeNumber(text, '--width'), coded('ERR_USAGE'), text)
    for (const text of ['', '0', '-1GiB', '1 parsec', '1e99G', '9999999TiB'])
      assert.throws(() => sizeBytes(text, '--memory'), coded('ERR_USAGE'), text)
  })

  it('have units', () => {
    assert.equal(sizeBytes('512MiB', '--memory'), 512 * 2 ** 20)
    assert.equal(sizeBytes('1.5g', '--memory'), 1_500_000_000)
    assert.equal(sizeBytes('4096', '--memory'), 4_096)
  })
})

describe('pictures', () => {
  const dir = temporaryDir()
  const at = (...parts: string[]): string => join(dir.path, ...parts)
  const pictures: string[] = []
  const signal = new AbortController().signal
  const path = process.env.PATH ?? ''

  before(async () => {
    for (let frame = 0; frame < 24; frame++) {
      const background = { r: frame * 10, g: 90, b: 120 }
      const file = at(`frame_${frame}.png`)
      await sharp({ create: { width: 33, height: 19, channels: 3, background } })
        .png()
        .toFile(file)
      pictures.push(file)
    }
  })
  afterEach(() => {
    process.env.PATH = path
  })
  after(() => dir.remove())

  /** Put a program called ffmpeg first on the path, or hide the real one. */
  function withFfmpeg(script: string | undefined): void {
    const bin = at('bin')
    mkdirSync(bin, { recursive: true })
    if (script === undefined) {
      process.env.PATH = at('empty')
      return
    }
    writeFileSync(join(bin, 'ffmpeg'), `#!/bin/sh\n${script}\n`)
    chmodSync(join(bin, 'ffmpeg'), 0o755)
    process.env.PATH = `${bin}:${path}`
  }

  it('make a sheet without gaps where there need be none', async () => {
    const sheet = await sharp(await writeContactSheet(dir.path, pictures)).metadata()
    assert.deepEqual([sheet.width, sheet.height], [6 * 41 + 8, 4 * 27 + 8])
    const one = await sharp(await writeContactSheet(dir.path, pictures.slice(0, 1))).metadata()
    assert.deepEqual([one.width, one.height], [33 + 16, 19 + 16])
    assert.equal(await writeContactSheet(dir.path, []), undefined)
  })

  it('make an animated WebP where there is no ffmpeg', async () => {
    withFfmpeg(undefined)
    const film = await writeFilm(dir.path, pictures, 24, signal)
    assert.equal(film, at('film.webp'))
    const { pages, delay } = await sharp(film, { animated: true }).metadata()
    assert.equal(pages, 24)
    assert.ok(delay?.every(ms => ms === 42))
  })

  it('make an MP4 where there is one, and fall back when it fails', async () => {
    withFfmpeg('for last; do :; done; cat > "$last"')
    const film = await writeFilm(dir.path, pictures, 24, signal)
    assert.equal(film, at('film.mp4'))
    const sizeBytes = pictures.reduce((sum, file) => sum + readFileSync(file).length, 0)
    assert.equal(readFileSync(at('film.mp4')).length, sizeBytes)
    withFfmpeg('for last; do :; done; echo half > "$last"; exit 1')
    assert.equal(await writeFilm(dir.path, pictures, 24, signal), at('film.webp'))
    assert.deepEqual(
      readdirSync(dir.path).filter(name => name.endsWith('.partial')),
      []
    )
  })

  it('make no film of one', async () => {
    assert.equal(await writeFilm(dir.path, pictures.slice(0, 1), 24, signal), undefined)
  })
})
