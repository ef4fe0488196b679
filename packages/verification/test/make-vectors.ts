// Writes spec/vectors/verification.json. Run it by hand after a deliberate change of the rules, and read the difference:
// node packages/verification/dist/test/make-vectors.js
import { writeFileSync } from 'node:fs'
import type { Attestation, VerifyPolicy } from '@rayswarm/interface'
import { cidOf, nodeIdentity, sha256 } from '@rayswarm/wire'
import { digestOf, judge, mayOpen, type Outcome, type ReplicaOutcome, sealOf } from '../src/index.ts'
import { printVectors, type RasterText, rasterOf, VECTORS_FILE } from './vectors.ts'

const text = new TextEncoder()
const bytes = (name: string): Uint8Array => sha256(text.encode(name))
const TWO: VerifyPolicy = { replicaCount: 2, replicaCountMax: 3, quorum: 2 }
const THREE: VerifyPolicy = { replicaCount: 3, replicaCountMax: 3, quorum: 2 }

function outcome(replica: number, spoken: Outcome | 'A' | 'B' | 'C', generation = 0): ReplicaOutcome {
  const base = {
    replica,
    generation,
    holder: `node-${replica}-${generation}`,
    equivalenceClass: 'pathtracer/1/wasm'
  }
  return spoken.length === 1
    ? { ...base, outcome: 'revealed', digest: bytes(`digest ${spoken}`) }
    : { ...base, outcome: spoken as Outcome }
}
const say = (...spoken: (Outcome | 'A' | 'B' | 'C')[]): ReplicaOutcome[] =>
  spoken.map((s, i) => outcome(i, s))

const raster = (widthPx: number, heightPx: number, over: Partial<RasterText> = {}): RasterText => ({
  ...{
    frame: 7,
    xPx: 64,
    yPx: 0,
    widthPx,
    heightPx,
    samplesFrom: 0,
    samplesTo: 16,
    step: 31,
    modulus: 1_009
  },
  ...over
})
const digestCase = (name: string, ...rasters: RasterText[]) => ({
  name,
  rasters,
  digest: digestOf({ rasters: rasters.map(rasterOf) })
})
const judgeCase = (name: string, policy: VerifyPolicy, outcomes: ReplicaOutcome[]) => ({
  ...{ name, policy, outcomes },
  judgement: judge(policy, outcomes)
})
const openCase = (name: string, policy: VerifyPolicy, outcomes: ReplicaOutcome[], replica: number) => ({
  ...{ name, policy, outcomes, replica },
  open: mayOpen(policy, outcomes, replica)
})
const attestation: Attestation = {
  replica: { job: cidOf('job'), subtask: 3, replica: 1, generation: 0 },
  holder: nodeIdentity(bytes('holder')).peerId,
  account: '0x0000000000000000000000000000000000000001',
  manifest: cidOf('manifest'),
  equivalenceClass: 'pathtracer/1/wasm',
  opening: { digest: bytes('digest A'), salt: bytes('salt') },
  result: cidOf('result'),
  resultSizeBytes: 10,
  elapsedMs: 1_000
}

writeFileSync(
  VECTORS_FILE,
  printVectors({
    digest: [
      digestCase('one pixel', raster(1, 1)),
      digestCase('one block', raster(64, 64)),
      digestCase('odd edges: two by two blocks', raster(65, 66)),
      digestCase('an odd number of leaves', raster(130, 64)),
      digestCase('two frames', raster(70, 3), raster(70, 3, { frame: 8, step: 17 }))
    ],
    seal: [
      {
        name: 'everything that is attested is inside',
        attestation,
        seal: sealOf(attestation)
      }
    ],
    judge: [
      judgeCase('nothing is open yet', TWO, []),
      judgeCase('one still computes', TWO, say('A', 'leased')),
      judgeCase('two agree', TWO, say('A', 'A')),
      judgeCase('two disagree', TWO, say('A', 'B')),
      judgeCase('the third decides', TWO, say('B', 'A', 'A')),
      judgeCase('three disagree', TWO, say('A', 'B', 'C')),
      judgeCase('one never opened', TWO, say('A', 'timeout')),
      judgeCase('two of three are enough', THREE, say('A', 'sealed', 'A')),
      judgeCase('the third of three is not paid', THREE, say('A', 'A', 'A')),
      judgeCase('two generations of one replica are one entitlement', TWO, [
        ...say('A'),
        outcome(0, 'A', 1),
        ...say('A', 'A').slice(1)
      ]),
      judgeCase('an attested result that does not match', TWO, [...say('A', 'mismatch'), outcome(1, 'A', 1)])
    ],
    mayOpen: [
      openCase('not while another computes', TWO, say('sealed', 'leased'), 0),
      openCase('once all are sealed', TWO, say('sealed', 'sealed'), 0),
      openCase(
        'a straggler does not hold up who is bound already',
        TWO,
        say('sealed', 'leased', 'sealed'),
        0
      ),
      openCase('a tie-break at once', TWO, say('A', 'B', 'sealed'), 2),
      openCase('beside a straggler, with what was opened', TWO, say('A', 'sealed', 'leased'), 1),
      openCase(
        'not while a new generation computes',
        TWO,
        [...say('sealed', 'timeout'), outcome(1, 'open', 1)],
        0
      )
    ]
  })
)
