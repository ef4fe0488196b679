/**
 * How long after the end of a partition the first message crosses it. Two sides of a few swarms each, in one process.
 *
 *     node dist/bench/heal.js [seconds…] [--peers N]
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Swarm, TransportFaults } from '../src/index.ts'
import { eventually, Swarms } from '../test/swarms.ts'

interface Member {
  readonly swarm: Swarm
  readonly faults: TransportFaults
  readonly heard: Set<string>
}

const args = process.argv.slice(2)
const peersAt = args.indexOf('--peers')
const peerCount = peersAt < 0 ? 6 : Number(args.splice(peersAt, 2)[1])
const durationsS = args.length === 0 ? [10, 60] : args.map(Number)
const swarms = new Swarms()

async function member(bootstrap: readonly string[]): Promise<Member> {
  const faults = new TransportFaults()
  const swarm = await swarms.create({ faults, bootstrap })
  const heard = new Set<string>()
  for (const topic of ['offers', 'jobs'] as const)
    swarm.network.subscribe(topic, (bytes, from) => {
      heard.add(`${topic} ${from} ${new TextDecoder().decode(bytes)}`)
      return { action: 'accept' }
    })
  swarm.network.serve('lease', async bytes => bytes)
  await swarm.start()
  return { swarm, faults, heard }
}

function crossed(sides: readonly Member[][], what: string): boolean {
  return sides.some((side, index) => {
    const others = (sides[1 - index] ?? []).map(({ swarm }) => swarm.network.peerId)
    return side.some(({ heard }) =>
      [...heard].some(line => line.startsWith(what) && others.some(other => line.includes(other)))
    )
  })
}

const first = await member([])
const members = [first]
for (let index = 1; index < peerCount; index++) members.push(await member(first.swarm.network.addresses()))
const full = (): boolean => members.every(({ swarm }) => swarm.network.peers().length === peerCount - 1)
await eventually(full)
const half = Math.ceil(peerCount / 2)
const sides = [members.slice(0, half), members.slice(half)]

for (const durationS of durationsS) {
  for (const [index, side] of sides.entries()) {
    const others = (sides[1 - index] ?? []).map(({ swarm }) => swarm.network.peerId)
    for (const { faults } of side) faults.set(others, { cut: 'both' })
  }
  await sleep(durationS * 1_000)
  const apart = members.every(({ swarm }) => swarm.network.peers().length <= half - 1)
  const suspected = members.filter(({ swarm }) => swarm.health().splitSuspected).length
  for (const { heard } of members) heard.clear()
  const healedAtMs = performance.now()
  for (const { faults } of members) faults.clear()

  const sinceMs: Record<string, number> = {}
  const note = (what: string): void => {
    sinceMs[what] ??= Math.round(performance.now() - healedAtMs)
  }
  const ask = async (): Promise<void> => {
    const [a, b] = sides.map(side => side[0])
    await a!.swarm.network.request(b!.swarm.network.peerId, 'lease', new Uint8Array(1), { timeoutMs: 1_000 })
    note('request')
  }
  let asking = false
  for (let round = 0; Object.keys(sinceMs).length < 4 && round < 1_200; round++) {
    if (sinceMs.request === undefined && !asking) {
      asking = true
      void ask()
        .catch(() => {})
        .finally(() => {
          asking = false
        })
    }
    // One message in turn: what is measured must not be what keeps the swarm busy.
    const topic = round % 2 === 0 ? 'offers' : 'jobs'
    void members[round % peerCount]?.swarm.network.publish(topic, new TextEncoder().encode(`${round}`))
    await sleep(50)
    if (crossed(sides, 'offers')) note('offer')
    if (crossed(sides, 'jobs')) note('notice')
    if (full()) note('everybody')
  }
  console.log(JSON.stringify({ partitionS: durationS, peerCount, apart, suspected, firstCrossMs: sinceMs }))
  await eventually(full)
}
await swarms.close()
