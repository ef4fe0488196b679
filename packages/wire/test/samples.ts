import type { Messages, MessageType, Signed } from '@rayswarm/interface'
import { cidOf, nodeIdentity, type SignedType, signed, toAccount, type WireContext } from '../src/index.ts'

/** One valid body of every type, the optional fields present. Signed parts are signed by the context's identity. */
export function sampleBodies(context: WireContext): { [T in MessageType]: Messages[T] } {
  const { peerId } = context.identity
  const holder = nodeIdentity(new Uint8Array(32).fill(9)).peerId
  const account = toAccount(`0x${'c0ffee'.padStart(40, '1')}`)!
  const spec: Messages['offer']['spec'] = {
    version: 1,
    creator: peerId,
    nonce: 0,
    name: 'orrery — 24 frames',
    manifest: cidOf({ entries: [] }),
    assetsSizeBytes: 4_200_000,
    work: {
      kind: 'render',
      engine: 'pathtracer',
      entry: 'scenes/orrery.glb',
      frames: [
        { first: 1, last: 24 },
        { first: 30, last: 30 }
      ],
      framesPerSecond: 23.976,
      widthPx: 321,
      heightPx: 181,
      samplesPerPixel: 64,
      maxBounces: 8,
      seed: 0,
      camera: 'main',
      output: { exposureStops: -0.5, toneMap: 'aces', exr: 'half' },
      split: { framesPerSubtask: 1, tileColumns: 2, tileRows: 2, sampleRanges: 1 }
    },
    verify: { replicaCount: 2, replicaCountMax: 4, quorum: 2 },
    pricePerMegaUnitMax: 50_000n,
    memoryBytes: 1_073_741_824,
    deadlineAfterMs: 3_600_000
  }
  const job = cidOf(spec)
  const replica = { job, subtask: 3, replica: 1, generation: 0 }
  const seal = new Uint8Array(32).fill(0xab)
  const sign = <T extends SignedType>(type: T, body: Messages[T]): Signed<Messages[T]> =>
    signed(type, body, context)

  const grant: Messages['grant'] = { replica, holder, account, price: 2n ** 63n }
  const plainPromise: Messages['promise'] = { replica, holder, fence: 1, price: 900n, termMs: 2_000 }
  const lease = { replica, holder, fence: 1, price: 900n, promises: [sign('promise', plainPromise)] }
  const commit: Messages['commit'] = { replica, holder, fence: 1, seal, lease }
  const commitVote: Messages['commit-vote'] = { replica, holder, seal, price: 900n }
  const cert = { replica, holder, seal, price: 900n, votes: [sign('commit-vote', commitVote)] }
  const offer: Messages['offer'] = {
    spec,
    escrow: { chainId: 31_337, contract: account, id: `0x${'5e'.repeat(32)}` },
    escrowSalt: `0x${'5a'.repeat(32)}`,
    account,
    witness: { witnessCount: 1, quorum: 1 },
    drawEpoch: 7,
    addresses: [`/ip4/127.0.0.1/tcp/4001/p2p/${peerId}`],
    createdAtMs: 1_767_225_600_000
  }
  const attestation: Messages['attestation'] = {
    replica,
    holder,
    account,
    manifest: spec.manifest,
    equivalenceClass: 'pathtracer/1/wasm',
    opening: { digest: new Uint8Array(32).fill(1), salt: new Uint8Array(32).fill(2) },
    result: cidOf('result'),
    resultSizeBytes: 123_456,
    elapsedMs: 4_321
  }
  const entry: Messages['entry'] = {
    author: peerId,
    sequence: 2,
    previous: new Uint8Array(32).fill(3),
    atMs: 1_767_225_600_000,
    claim: {
      kind: 'verdicts',
      verdicts: [
        {
          replica,
          node: holder,
          equivalenceClass: 'pathtracer/1/wasm',
          verdict: 'accepted',
          weight: 1_024,
          digest: new Uint8Array(32).fill(1)
        }
      ]
    }
  }
  return {
    offer,
    notice: { job, about: 'replica-open', subtask: 3, sequence: 7 },
    bid: {
      job,
      account,
      equivalenceClass: 'pathtracer/1/wasm',
      pricePerMegaUnit: 40_000n,
      freePlaces: 2,
      memoryBytes: 8_589_934_592
    },
    'bid-reply': { grants: [sign('grant', grant)], reason: 'outbid', retryAfterMs: 500, closed: false },
    grant,
    claim: { replica, holder, fence: 1, etaMs: 20_000, grant: sign('grant', grant), lease },
    promise: { ...plainPromise, register: sign('commit', commit) },
    renew: { replica, holder, fence: 1, progressBps: 5_000, lease: { cert: lease, etaMs: 20_000 } },
    'renew-ack': { replica, fence: 1, termMs: 5_000 },
    release: { replica, holder, fence: 1 },
    'release-ack': {},
    commit,
    'commit-vote': commitVote,
    refusal: { reason: 'done', fence: 4, leftMs: 100, cert },
    sealed: { cert },
    'sealed-reply': { open: true, retryAfterMs: 0 },
    attestation,
    reveal: { cert, attestation: sign('attestation', attestation) },
    'reveal-reply': { received: true },
    openings: { job, looks: true },
    'openings-page': {
      open: [{ subtask: 3, replica: 1, generation: 0, fence: 2, openMs: 1_500, lapsed: true }],
      view: 0,
      closed: false,
      lapsedAt: peerId
    },
    cosign: { job, payouts: [{ account, gross: 2n ** 40n }], receiptsRoot: `0x${'7e'.repeat(32)}` },
    'cosign-reply': { signature: `0x${'1b'.repeat(65)}` },
    evidence: { cert, attestation: sign('attestation', attestation) },
    'notice-ack': {},
    recon: { set: 'job', job, frame: new Uint8Array([1, 2]) },
    'recon-reply': { frame: new Uint8Array([3]), unknown: false },
    'items-query': { set: 'job', job, ids: [seal], items: [new Uint8Array([4])] },
    'items-page': { items: [new Uint8Array([5, 6])] },
    entry
  }
}
