/**
 * Worlds per minute of one core: fifty peers and two hundred replicas in witness mode, beside what the same processor does with
 * nothing but the events and the signatures of such a world.
 *
 * Run: `node --max-semi-space-size=64 --single-threaded-gc node/dist/bench/worlds.js [worlds]`
 */
import { SeededChance, VirtualClock, VirtualKeys } from '@rayswarm/simulation'
import { peerIdOf } from '@rayswarm/wire'
import { runSeed, SCENARIOS, type SeedResult } from '../src/sim/index.ts'

const WARM_UP_COUNT = 3
const MINUTE_MS = 60_000
/** A signed message of a lease, typically. */
const MESSAGE_SIZE_BYTES = 350

Error.stackTraceLimit = 0
const worldCount = Number(process.argv[2] ?? 10)
const scenario = SCENARIOS.get('scale')!

async function cpuMsOf(fn: () => unknown): Promise<number> {
  const before = process.cpuUsage()
  await fn()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}

/** As many events as a world has messages, each with a promise to wait for, and nothing in them. */
async function bareEvents(count: number): Promise<void> {
  const clock = new VirtualClock()
  const chance = new SeededChance(1)
  for (let i = 0; i < count; i++)
    clock.after(chance.unit() * 1_000, () => {
      void Promise.resolve().then(() => undefined)
    })
  await clock.advance(1_000)
}

/** As many signatures and checks. */
function bareSignatures(count: number): void {
  const identity = new VirtualKeys().identity(peerIdOf(new Uint8Array(32)), new Uint8Array(32))
  const bytes = new Uint8Array(MESSAGE_SIZE_BYTES)
  for (let i = 0; i < count; i++) identity.verify(identity.peerId, bytes, identity.sign(bytes))
}

const results: SeedResult[] = []
for (let seed = 1; seed <= WARM_UP_COUNT + worldCount; seed++) {
  const result = await runSeed(scenario, seed)
  if (seed > WARM_UP_COUNT) results.push(result)
  if (result.violations.length > 0) throw new Error(`seed ${seed}: ${result.violations.join('; ')}`)
}
const mean = (of: (result: SeedResult) => number): number =>
  results.reduce((sum, result) => sum + of(result), 0) / results.length
const messageCount = Math.round(mean(result => result.messageCount))
const worldMs = mean(result => result.cpuMs)
const eventsMs = await cpuMsOf(() => bareEvents(messageCount))
const signaturesMs = await cpuMsOf(() => bareSignatures(messageCount))

const { nodeCount, witness } = scenario.world
console.log(`${nodeCount + 1} peers, 200 replicas, ${witness!.quorum} of ${witness!.witnessCount} witnesses`)
console.log(
  `worlds per minute of one core   ${(MINUTE_MS / worldMs).toFixed(0)}  (${worldMs.toFixed(0)} ms each)`
)
console.log(
  `messages per world              ${messageCount}  (${((1_000 * worldMs) / messageCount).toFixed(1)} us each)`
)
console.log(`virtual seconds per world       ${(mean(result => result.virtualMs) / 1_000).toFixed(1)}`)
console.log(
  `bare events, as many            ${eventsMs.toFixed(1)} ms  (${(messageCount / eventsMs / 1_000).toFixed(2)} M/s)`
)
console.log(`bare signatures, as many        ${signaturesMs.toFixed(1)} ms`)
