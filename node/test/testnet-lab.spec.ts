import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isRayswarmError, type JobSpec, type Network, type Runner, type Subtask } from '@rayswarm/interface'
import { cidOf, nodeIdentity } from '@rayswarm/wire'
import { jobSpecOf, split } from '@rayswarm/workload'
import { SystemClock } from '../src/host/system-world.ts'
import { acquainted, writePeerBooks } from '../src/testnet/acquaint.ts'
import { seededBytes, writeKeys } from '../src/testnet/keys.ts'
import { LabClock } from '../src/testnet/lab-clock.ts'
import { LabNetwork } from '../src/testnet/lab-network.ts'
import { readLatency } from '../src/testnet/latency.ts'
import { HistoryTail } from '../src/testnet/live-view.ts'
import { namespacesMissing } from '../src/testnet/namespaces.ts'
import { noopEngine } from '../src/testnet/noop-engine.ts'
import { PeerLab } from '../src/testnet/peer-lab.ts'
import { freePorts } from '../src/testnet/ports.ts'
import type { PeerRecord } from '../src/testnet/testnet-file.ts'
import { CALM } from '../src/testnet/world-state.ts'
import { run, temporaryDir } from './support/program.ts'

const ids = [1, 2, 3].map(byte => nodeIdentity(new Uint8Array(32).fill(byte)).peerId)
const context = { identity: nodeIdentity(new Uint8Array(32)), chainId: 1, netId: 'lab' }

function noopJob(): { spec: JobSpec; subtask: Subtask } {
  const file = {
    scene: 'noop.txt',
    engine: 'noop',
    frames: '1-2',
    widthPx: 8,
    heightPx: 8,
    samplesPerPixel: 1
  }
  const spec = jobSpecOf(file, {
    creator: context.identity.peerId,
    manifest: cidOf({ entries: [] }),
    assetsSizeBytes: 0,
    nonce: 0
  })
  return { spec, subtask: split(spec)[0]! }
}

describe('testnet: what a peer can be made to suffer', () => {
  const dir = temporaryDir()
  after(() => dir.remove())
  const labIn = (name: string): { lab: PeerLab; said: () => string[] } => {
    const historyPath = join(dir.path, `${name}.jsonl`)
    const tail = new HistoryTail()
    tail.follow(historyPath)
    return {
      lab: new PeerLab({ name, historyPath, state: CALM }),
      said: () => tail.read().map(event => event.event)
    }
  }

  it('a clock that is wrong, but never runs backwards', async () => {
    const clock = new LabClock()
    const rightMs = clock.nowMs()
    assert.ok(Math.abs(rightMs - Date.now()) < 1_000)
    clock.set(60_000, 0)
    assert.ok(clock.nowMs() >= rightMs + 60_000)
    const aheadMs = clock.nowMs()
    clock.set(-60_000, 0)
    assert.equal(clock.nowMs(), aheadMs)
    const fast = new LabClock()
    fast.set(0, 90_000)
    const fromMs = fast.nowMs()
    await delay(50)
    assert.ok(fast.nowMs() - fromMs >= 450, 'ten times as fast')
    // Its timers ring early too: ten seconds are one.
    await new Promise<void>(resolve => fast.after(200, resolve))
  })

  it('an engine that sleeps and yields the same for the same', async () => {
    const { spec, subtask } = noopJob()
    const signal = new AbortController().signal
    const shares: number[] = []
    const outputs = await Promise.all(
      [0, 20].map(async executionMs => {
        const engine = noopEngine(new SystemClock(), { executionMs, concurrency: 2 })
        assert.deepEqual(await engine.probe(), { engine: 'noop', equivalenceClass: 'noop/1', concurrency: 2 })
        const session = await engine.open(spec, '')
        return await session.run(subtask, { signal, onProgress: share => shares.push(share) })
      })
    )
    assert.deepEqual(outputs[0], outputs[1])
    assert.equal(outputs[0]?.rasters[0]?.sums.length, 8 * 8 * 3)
    assert.equal(shares.at(-1), 1)
    const stopped = AbortSignal.abort()
    const session = await noopEngine(new SystemClock(), { executionMs: 60_000, concurrency: 1 }).open(
      spec,
      ''
    )
    await assert.rejects(session.run(subtask, { signal: stopped }), error => isRayswarmError(error))
  })

  it('engines that lie and squat while they are told to', async () => {
    const { lab } = labIn('engines')
    const { spec, subtask } = noopJob()
    const honest: Runner = noopEngine(new SystemClock(), { executionMs: 0, concurrency: 1 })
    const session = await lab.runners([honest])[0]!.open(spec, '')
    const { signal } = new AbortController()
    const truth = await session.run(subtask, { signal })
    lab.apply({ ...CALM, byzantine: 'garbage' })
    assert.notDeepEqual(await session.run(subtask, { signal }), truth)
    lab.apply({ ...CALM, byzantine: 'squat' })
    const stop = new AbortController()
    const never = session.run(subtask, { signal: stop.signal })
    stop.abort()
    await assert.rejects(never, error => isRayswarmError(error) && error.code === 'ERR_ABORTED')
    lab.apply(CALM)
    assert.deepEqual(await session.run(subtask, { signal }), truth)
  })

  it('links, by the whole state each time', () => {
    const { lab, said } = labIn('links')
    const [a, b] = ids as [string, string]
    lab.apply({ ...CALM, links: { [a]: { cut: 'both', latencyMs: 5 }, [b]: { lossBps: 10 } } })
    assert.equal(lab.faults.ruleOf(a).cut, 'both')
    lab.command({ ...CALM, links: { [a]: { latencyMs: 7 } } })
    assert.deepEqual([lab.faults.ruleOf(a).cut, lab.faults.ruleOf(a).latencyMs], ['none', 7])
    assert.equal(lab.faults.ruleOf(b).lossBps ?? 0, 0)
    assert.throws(
      () => lab.command({ ...CALM, driftBps: -10_000 }),
      error => isRayswarmError(error)
    )
    assert.throws(
      () => lab.command({ ...CALM, byzantine: 'saint' }),
      error => isRayswarmError(error)
    )
    assert.equal(lab.faults.ruleOf(a).latencyMs, 7)
    assert.deepEqual(said(), ['faults-applied', 'faults-applied'])
  })

  it('a network that notes the first word from the other side, and floods and falls silent when told', async () => {
    const heard: string[] = []
    let behaviour: 'flood' | 'mute' | undefined
    const sent: string[] = []
    const handlers = new Map<string, (bytes: Uint8Array, from: string) => Promise<Uint8Array>>()
    const inner = {
      peers: () => ids,
      publish: async () => 0,
      subscribe: () => () => {},
      serve: (protocol: string, handler: never) => {
        handlers.set(protocol, handler)
        return () => {}
      },
      request: async (_to: string, protocol: string) => {
        sent.push(protocol)
        return new Uint8Array()
      }
    } as unknown as Network
    const lab = new LabNetwork(inner, {
      context,
      behaviour: () => behaviour,
      onHeard: from => heard.push(from)
    })
    lab.network.serve('market', async bytes => bytes)
    await handlers.get('market')?.(new Uint8Array(1), ids[0]!)
    await lab.network.request(ids[1]!, 'market', new Uint8Array(1), { timeoutMs: 1 })
    assert.deepEqual(heard, [ids[0], ids[1]])
    assert.deepEqual(sent, ['market'])
    behaviour = 'flood'
    lab.behave()
    while (sent.length < 4) await delay(20)
    behaviour = undefined
    lab.behave()
    const { length } = sent
    await delay(500)
    assert.equal(sent.length, length)
  })

  it('latency by region, and no file that contradicts itself', async () => {
    const path = join(dir.path, 'latency.json')
    const judge = (value: unknown) => {
      writeFileSync(path, JSON.stringify(value))
      return readLatency(path)
    }
    const good = {
      regions: ['eu', 'us'],
      oneWayMs: [
        [2, 45],
        [45, 3]
      ]
    }
    assert.deepEqual(await judge(good), good)
    for (const bad of [
      {},
      { ...good, oneWayMs: [[1, 2]] },
      { ...good, oneWayMs: [[1], [2]] },
      {
        ...good,
        oneWayMs: [
          [-1, 0],
          [0, 0]
        ]
      }
    ])
      await assert.rejects(judge(bad), error => isRayswarmError(error) && error.code === 'ERR_USAGE')
  })
})

describe('testnet: who its peers are', () => {
  const dir = temporaryDir()
  after(() => dir.remove())

  it('follows from the seed, unless they have keys already', async () => {
    const home = (name: string): string => join(dir.path, name)
    const first = await writeKeys(home('a'), 's', 'node-1')
    assert.deepEqual(await writeKeys(home('b'), 's', 'node-1'), first)
    assert.deepEqual(await writeKeys(home('a'), 'other', 'node-1'), first)
    assert.notDeepEqual(await writeKeys(home('c'), 's', 'node-2'), first)
    assert.notDeepEqual(seededBytes('s', 'x'), seededBytes('t', 'x'))
    assert.match(readFileSync(join(home('a'), 'peer.key'), 'utf8'), /^[\da-f]{64}\n$/)
  })

  it('and that those of a large one have met before', async () => {
    const peers = Array.from(
      { length: 30 },
      (_, index): PeerRecord => ({
        name: `node-${index + 1}`,
        role: 'node',
        peerId: `id-${index + 1}`,
        account: '',
        home: join(dir.path, `node-${index + 1}`),
        listen: '/ip4/127.0.0.1/tcp/1'
      })
    )
    for (const { home } of peers) mkdirSync(home)
    const met = acquainted(peers)
    await writePeerBooks(met, 's')
    const known = peers.map(({ home }) =>
      JSON.parse(readFileSync(join(home, 'peers.json'), 'utf8')).map(({ peer }: { peer: string }) =>
        Number(peer.slice(3))
      )
    )
    known.forEach((list, index) => {
      assert.deepEqual(
        new Set([...list, index + 1]),
        new Set(peers.map((_, other) => other + 1)),
        'everybody else'
      )
      assert.ok(
        list.slice(29 - index).every((other: number) => other <= index),
        'those who started before come last, and are dialled first'
      )
    })
    assert.deepEqual(acquainted(peers.slice(0, 16)), peers.slice(0, 16))
    await writePeerBooks(peers.slice(0, 2), 's')
    assert.equal(existsSync(join(peers[1]!.home, 'peers.json')), false)
  })

  it('and where they listen: ports that are free, below those of outgoing connections', async () => {
    const ports = await freePorts(20, '127.0.0.1', dir.path)
    assert.equal(new Set(ports).size, 20)
    assert.ok(ports.every(port => port >= 12_000 && port < 32_768))
  })
})

describe('testnet: network namespaces', function () {
  this.timeout(90_000)
  const dir = temporaryDir()
  const net = join(dir.path, 'net')
  const on = (...args: string[]) => run('testnet', ...args, '--dir', net, '--json')
  let missing: string | undefined
  before(async () => {
    missing = await namespacesMissing()
  })
  after(async () => {
    if (existsSync(join(net, 'testnet.json'))) await on('down')
    dir.remove()
  })

  it('are refused with a reason where there are none', async function () {
    if (missing === undefined) return this.skip()
    const { exitCode, json } = await on('up', '--peers', '2', '--layer', 'namespace')
    assert.equal(exitCode, 2)
    assert.ok(json.error.message.includes('network namespaces cannot be used here'))
  })

  it('hold a peer each, are cut by the kernel, and are gone in the end', async function () {
    if (missing !== undefined) return this.skip()
    const up = await on('up', '--peers', '2', '--layer', 'namespace', '--engine', 'noop')
    assert.equal(up.exitCode, 0, up.stderr)
    assert.match(up.stderr, /faults: network namespaces/)
    const { namespaces } = JSON.parse(readFileSync(join(net, 'testnet.json'), 'utf8'))
    const ours = (): string[] =>
      readdirSync('/run/netns').filter(name => name.startsWith(`${namespaces.prefix}-`))
    assert.equal(ours().length, 3)
    assert.ok(up.json.rpcUrl.startsWith(`http://${namespaces.net}.1:`))
    const rules = (): string =>
      execFileSync('nft', ['list', 'table', 'bridge', namespaces.prefix], { encoding: 'utf8', stdio: 'pipe' })
    assert.doesNotMatch(rules(), /drop/)
    assert.equal((await on('fault', 'partition', 'node-2')).exitCode, 0)
    assert.equal(rules().match(/ip saddr .* drop/g)?.length, 4)
    assert.equal(
      (await on('fault', 'link', 'node-1', '--rate', '1MiB', '--loss', '5%', '--latency', '5ms')).exitCode,
      0
    )
    const shape = execFileSync('tc', ['qdisc', 'show', 'dev', `${namespaces.prefix}v0`], { encoding: 'utf8' })
    assert.match(shape, /tbf .*rate 8388/)
    assert.match(rules(), /numgen/)
    assert.equal((await on('fault', 'heal')).exitCode, 0)
    assert.doesNotMatch(rules(), /drop/)
    assert.doesNotMatch(
      execFileSync('tc', ['qdisc', 'show', 'dev', `${namespaces.prefix}v0`], { encoding: 'utf8' }),
      /tbf/
    )
    assert.equal((await on('assert', 'connected', 'within', '20s')).json.held, true)
    assert.equal((await on('down')).exitCode, 0)
    assert.deepEqual(ours(), [])
    assert.throws(rules)
    assert.doesNotMatch(execFileSync('ip', ['link'], { encoding: 'utf8' }), new RegExp(namespaces.prefix))
  })
})
