import assert from 'node:assert/strict'
import type { MessageType, VerdictsClaim } from '@rayswarm/interface'
import { fromHex, jobSpecSchema, nodeIdentity, schemas } from '../src/index.ts'
import { isStrictPoint, isStrictSignature } from '../src/strict.ts'
import { sampleBodies } from './samples.ts'
import { readVectors } from './vectors.ts'

const bodies = sampleBodies({
  identity: nodeIdentity(new Uint8Array(32).fill(7)),
  chainId: 31_337,
  netId: 'test'
})
const { spec } = bodies.offer
const { work } = spec
const UNCUT = { framesPerSubtask: 1, tileColumns: 1, tileRows: 1, sampleRanges: 1 }

// The bytes decide these alone: whatever OpenSSL or noble think of them, and they have changed their minds.
describe('strict', () => {
  const { signatures } = readVectors()
  const point = (hex: string) => isStrictPoint(fromHex(hex))

  it('refuses keys of small order and keys whose y is not below p', () => {
    const bad = signatures.filter(({ name }) => /^key of small order|^key whose y/.test(name))
    assert.equal(bad.length, 23)
    for (const { name, publicKey } of bad) assert.equal(point(publicKey), false, name)
    for (const { publicKey, valid } of signatures) if (valid) assert.equal(point(publicKey), true)
  })

  it('refuses signatures with S not below L, an R of small order, or another length', () => {
    const bad = /^S \+ L|^S = L$|^R is the identity|bytes$/
    for (const { name, signature, valid } of signatures) {
      if (bad.test(name)) assert.equal(isStrictSignature(fromHex(signature)), false, name)
      if (valid || name === 'S = L - 1') assert.equal(isStrictSignature(fromHex(signature)), true, name)
    }
  })

  it('knows both sides of p', () => {
    const p = `edff${'ff'.repeat(29)}7f`
    assert.equal(point(`0x${p}`), false)
    assert.equal(point(`0x${p.replace('ed', 'ec')}`), false) // p - 1 is of order 2
    assert.equal(point(`0x${p.replace('ed', 'eb')}`), true)
    assert.equal(point(`0x${p.replace('ed', 'eb').replace('7f', 'ff')}`), true)
    assert.equal(point(`0x${p.replace('ed', 'f0').replace('7f', 'ff')}`), false)
    assert.equal(isStrictPoint(new Uint8Array(31)), false)
  })
})

/** Fields at the two sides of each of their edges: `[path, takes, refuses]`. */
function edges(
  type: MessageType,
  rows: readonly (readonly [path: string, takes: readonly unknown[], refuses: readonly unknown[]])[]
) {
  describe(type, () => {
    for (const [path, takes, refuses] of rows)
      it(path, () => {
        for (const value of takes) assert.equal(parse(type, path, value), true, `takes ${String(value)}`)
        for (const value of refuses) assert.equal(parse(type, path, value), false, `refuses ${String(value)}`)
      })
  })
}

function parse(type: MessageType, path: string, value: unknown): boolean {
  const body = structuredClone(bodies[type]) as unknown as Record<string, unknown>
  const steps = path.split('.')
  const parent = steps.slice(0, -1).reduce((node, step) => node[step] as Record<string, unknown>, body)
  parent[steps.at(-1)!] = value
  return schemas[type].safeParse(body).success
}

const verdict = (bodies.entry.claim as VerdictsClaim).verdicts[0]

describe('shapes', () => {
  edges('offer', [
    [
      'witness',
      [
        { witnessCount: 1, quorum: 1 },
        { witnessCount: 7, quorum: 5 },
        { witnessCount: 31, quorum: 31 }
      ],
      [
        { witnessCount: 0, quorum: 0 },
        { witnessCount: 2, quorum: 1 },
        { witnessCount: 7, quorum: 3 },
        { witnessCount: 5, quorum: 6 },
        { witnessCount: 32, quorum: 32 }
      ]
    ],
    [
      'addresses',
      [[], new Array(8).fill('/ip4/1.2.3.4/tcp/1'), [`/${'x'.repeat(255)}`]],
      [new Array(9).fill('/ip4/1.2.3.4/tcp/1'), [`/${'x'.repeat(256)}`], [''], ['ip4'], ['/a b'], ['/ä']]
    ],
    ['escrow.chainId', [1, Number.MAX_SAFE_INTEGER], [0, 2 ** 53, 1.5]],
    ['escrow.id', [`0x${'00'.repeat(32)}`], [`0x${'00'.repeat(31)}`, `0x${'AB'.repeat(32)}`]],
    [
      'account',
      ['0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed'],
      ['0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed']
    ],
    ['createdAtMs', [0, 8.64e15], [-1, 8.64e15 + 1]]
  ])
  edges('bid', [
    ['pricePerMegaUnit', [0n, 0, 2n ** 64n - 1n], [-1, -1n, 0.5, 2n ** 64n, '1']],
    ['freePlaces', [0, 10_000], [-1, 10_001]],
    [
      'equivalenceClass',
      ['a', 'pathtracer/1/wasm', 'x.y-z_1+2/3'],
      ['', '/', 'a/', 'A', 'a b', 'a//b', 'x'.repeat(129)]
    ]
  ])
  edges('claim', [
    ['replica.subtask', [0, 19_999], [-1, 20_000]],
    ['replica.replica', [0, 7], [-1, 8]],
    ['replica.generation', [0, 15], [-1, 16]],
    ['fence', [0, 2 ** 32 - 1], [-1, 2 ** 32]],
    ['etaMs', [0, 2 ** 31 - 1], [-1, 2 ** 31]]
  ])
  edges('renew', [['progressBps', [0, 10_000], [-1, 10_001]]])
  edges('commit', [
    [
      'lease.promises',
      [bodies.commit.lease.promises, new Array(31).fill(bodies.commit.lease.promises[0])],
      [[], new Array(32).fill(bodies.commit.lease.promises[0])]
    ],
    ['seal', [new Uint8Array(32)], [new Uint8Array(31), new Uint8Array(33), 'x'.repeat(32)]]
  ])
  edges('entry', [
    ['sequence', [1, Number.MAX_SAFE_INTEGER], [0, 2 ** 53]],
    ['claim.verdicts.0.weight', [0, 1_024], [-1, 1_025]],
    ['claim.verdicts.0.verdict', ['accepted', 'rejected', 'undecided'], ['maybe']],
    ['claim.verdicts', [new Array(32).fill(verdict)], [[], new Array(33).fill(verdict)]],
    ['claim.kind', ['verdicts'], ['job-receipt', 'other']]
  ])
  edges('items-query', [
    [
      'ids',
      [[], new Array(512).fill(new Uint8Array(32))],
      [new Array(513).fill(new Uint8Array(32)), [new Uint8Array(31)]]
    ],
    [
      'items',
      [[], [new Uint8Array(0)], new Array(512).fill(new Uint8Array(1))],
      [new Array(513).fill(new Uint8Array(1)), ['a']]
    ]
  ])

  it('nest a register in a register, and no deeper', () => {
    const nest = (depth: number): unknown => {
      if (depth === 0)
        return {
          replica: bodies.promise.replica,
          holder: bodies.promise.holder,
          fence: 1,
          price: 1n,
          termMs: 1
        }
      const promise = { ...bodies.commit.lease.promises[0], body: nest(depth - 1) }
      const body = { ...bodies.commit, lease: { ...bodies.commit.lease, promises: [promise] } }
      return { ...(nest(0) as object), register: { ...bodies.promise.register, body } }
    }
    for (const [depth, taken] of [
      [0, true],
      [1, true],
      [2, true],
      [3, false]
    ] as const)
      assert.equal(schemas.promise.safeParse(nest(depth)).success, taken, String(depth))
  })
})

describe('jobSpecSchema', () => {
  const takes = (over: object) => jobSpecSchema.safeParse({ ...spec, ...over }).success
  const takesWork = (over: object) => takes({ work: { ...work, split: UNCUT, ...over } })
  const ranges = (...list: [number, number][]) => ({ frames: list.map(([first, last]) => ({ first, last })) })

  it('has one form for a set of frames', () => {
    for (const good of [
      ranges([0, 0]),
      ranges([1, 3], [5, 5]),
      ranges([0, 9_999]),
      ranges([1_000_000, 1_000_000])
    ])
      assert.equal(takesWork(good), true)
    for (const bad of [
      ranges(),
      ranges([2, 1]),
      ranges([1, 3], [4, 5]),
      ranges([1, 3], [3, 5]),
      ranges([5, 6], [1, 2]),
      ranges([-1, 0]),
      ranges([0, 10_000]),
      ranges([1, 6_000], [10_001, 16_000]),
      ranges([1_000_001, 1_000_001])
    ])
      assert.equal(takesWork(bad), false, JSON.stringify(bad))
    const scattered = (count: number) =>
      ranges(...Array.from({ length: count }, (_, i): [number, number] => [2 * i, 2 * i]))
    assert.equal(takesWork(scattered(64)), true)
    assert.equal(takesWork(scattered(65)), false)
  })

  it('bounds what a peer would have to do for it', () => {
    const split = (over: object) =>
      takesWork({
        widthPx: 400,
        heightPx: 400,
        samplesPerPixel: 400,
        ...ranges([1, 1]),
        split: { ...UNCUT, ...over }
      })
    assert.equal(split({ tileColumns: 400, tileRows: 50 }), true)
    assert.equal(split({ tileColumns: 400, tileRows: 51 }), false)
    assert.equal(split({ tileColumns: 401 }), false)
    assert.equal(split({ tileRows: 401 }), false)
    assert.equal(split({ sampleRanges: 400 }), true)
    assert.equal(split({ sampleRanges: 401 }), false)
    // 16 384 × 1 365 pixels are just within 512 MiB, 1 366 rows are not.
    assert.equal(
      takesWork({
        widthPx: 16_384,
        heightPx: 1_365,
        split: UNCUT
      }),
      true
    )
    assert.equal(
      takesWork({
        widthPx: 16_384,
        heightPx: 1_366,
        split: UNCUT
      }),
      false
    )
    const huge = {
      widthPx: 16_384,
      heightPx: 16_384,
      samplesPerPixel: 65_536,
      split: { framesPerSubtask: 1, tileColumns: 8, tileRows: 8, sampleRanges: 1 }
    }
    assert.equal(takesWork({ ...huge, ...ranges([1, 300]) }), true)
    assert.equal(takesWork({ ...huge, samplesPerPixel: 65_536, ...ranges([1, 512]) }), false) // more than 20 000 subtasks, and 2^53 units
    assert.equal(
      takesWork({ ...huge, ...ranges([1, 512]), split: { ...huge.split, framesPerSubtask: 2 } }),
      false
    ) // 2^53 units
  })

  it('has ranges for every number', () => {
    for (const [over, taken] of [
      [{ pricePerMegaUnitMax: 1n }, true],
      [{ pricePerMegaUnitMax: 0n }, false],
      [{ pricePerMegaUnitMax: 2n ** 64n }, false],
      [{ version: 2 }, false],
      [{ nonce: 2 ** 32 - 1 }, true],
      [{ nonce: 2 ** 32 }, false],
      [{ name: 'x'.repeat(128) }, true],
      [{ name: 'x'.repeat(129) }, false],
      [{ name: '\u0007' }, false],
      [{ name: '\ufeffx' }, false],
      [{ deadlineAfterMs: 999 }, false],
      [{ verify: { replicaCount: 3, replicaCountMax: 2, quorum: 2 } }, false],
      [{ verify: { replicaCount: 1, replicaCountMax: 4, quorum: 2 } }, false],
      [{ verify: { replicaCount: 8, replicaCountMax: 8, quorum: 8 } }, true],
      [{ verify: { replicaCount: 8, replicaCountMax: 9, quorum: 8 } }, false]
    ] as const)
      assert.equal(takes(over), taken, String(Object.entries(over)[0]))
    for (const [over, taken] of [
      [{ framesPerSecond: 0 }, false],
      [{ framesPerSecond: 0.001 }, true],
      [{ framesPerSecond: 1_000.5 }, false],
      [{ seed: -1 }, false],
      [{ maxBounces: 64 }, true],
      [{ maxBounces: 65 }, false],
      [{ samplesPerPixel: 65_537 }, false],
      [{ entry: '../x' }, false],
      [{ engine: 'Blender' }, false],
      [{ output: { ...work.output, exposureStops: -0 } }, false],
      [{ output: { ...work.output, exposureStops: 32.5 } }, false]
    ] as const)
      assert.equal(takesWork(over), taken, String(Object.entries(over)[0]))
  })
})
