import type { JobId, JobNotice, PeerEvents, PeerId, Probe } from '@rayswarm/interface'
import type { Params } from '@rayswarm/params'
import { decodeMessage, encodeMessage, message } from '@rayswarm/wire'
import type { PeerComponents, RoleComponents } from './components.ts'
import { CreatorRole, type PublishedJob, type PublishRequest } from './creator-role.ts'
import { Emitter } from './emitter.ts'
import { Evidences } from './evidences.ts'
import { JudgeRole } from './judge-role.ts'
import { LedgerRole } from './ledger-role.ts'
import { NodeRole } from './node-role.ts'
import { OfferBook } from './offer-book.ts'
import { SyncRole } from './sync-role.ts'
import type { NodeSettings } from './willing.ts'
import { WitnessRole } from './witness-role.ts'

export interface PeerInit {
  readonly params: Params
  /** Execute other peers' work under these settings; absent: do not. */
  readonly node?: NodeSettings
}

/** One participant: every peer keeps the ledger and the open offers, witnesses its own jobs, may publish and may execute. */
export class Peer {
  readonly events = new Emitter<PeerEvents>()
  readonly sync: SyncRole
  readonly offers: OfferBook
  readonly ledger: LedgerRole
  readonly witness: WitnessRole
  readonly judge: JudgeRole
  readonly creator: CreatorRole
  readonly node: NodeRole | undefined
  readonly #components: RoleComponents

  constructor(components: PeerComponents, init: PeerInit) {
    const shared: RoleComponents = { ...components, params: init.params, events: this.events }
    this.#components = shared
    this.sync = new SyncRole(shared)
    this.offers = new OfferBook(shared)
    this.ledger = new LedgerRole(shared)
    this.witness = new WitnessRole(shared, this.offers)
    const { offers, witness, ledger } = this
    const evidences = new Evidences(shared, this.sync)
    const roles = { offers, witness, ledger, evidences }
    this.judge = new JudgeRole(shared, roles)
    witness.judging = this.judge
    this.creator = new CreatorRole(shared, roles)
    this.node = init.node && new NodeRole(shared, init.node, this.offers, this.ledger)
  }

  /** Answers the engines this peer executes with. */
  async start(): Promise<readonly Probe[]> {
    const { network, context } = this.#components
    network.serve('market', async (bytes, from) => {
      const decoded = decodeMessage(bytes, ['bid'], context)
      if (!decoded.ok) throw new RangeError(decoded.fault)
      return encodeMessage(await this.creator.onBid(decoded.value, from))
    })
    network.serve('verification', async (bytes, from) => {
      const decoded = decodeMessage(bytes, ['sealed', 'reveal', 'notice'], context)
      if (!decoded.ok) throw new RangeError(decoded.fault)
      const { value } = decoded
      if (value.type !== 'notice') {
        const judged = await this.judge.onVerification(value, from)
        return encodeMessage(judged ?? (await this.creator.onVerification(value, from)))
      }
      if (!this.#isJudge(value.body.job, from)) throw new RangeError('not a judge of the job')
      this.#onNotice(value.body)
      return encodeMessage(message('notice-ack', {}))
    })
    network.subscribe('jobs', (bytes, from) => {
      const decoded = decodeMessage(bytes, ['notice'], context)
      if (!decoded.ok) return { action: 'reject', fault: decoded.fault }
      // A notice makes every node of a job ask its creator: only the creator may call for that.
      if (from !== this.offers.get(decoded.value.body.job)?.signed.signer)
        return { action: 'ignore', fault: 'not-its-creator' }
      this.#onNotice(decoded.value.body)
      return { action: 'accept' }
    })
    this.offers.start()
    await this.ledger.start()
    this.sync.register(this.offers.set)
    this.sync.register(this.ledger.set)
    this.sync.start()
    await this.witness.start()
    await this.judge.start()
    await this.creator.start()
    return (await this.node?.start()) ?? []
  }

  /** Stop every role; running executions release their leases first. */
  async stop(): Promise<void> {
    await this.node?.stop()
    await this.creator.stop()
    await this.judge.stop()
    await this.witness.stop()
    await this.offers.stop()
    await this.sync.stop()
    await this.ledger.stop()
  }

  publish(request: PublishRequest): Promise<PublishedJob> {
    return this.creator.publish(request)
  }

  /** Whether a peer may say of a job that a seal may be opened. */
  #isJudge(job: JobId, peer: PeerId): boolean {
    const offer = this.offers.get(job)
    return offer?.signed.signer === peer || offer?.witnesses.members.includes(peer) === true
  }

  #onNotice(notice: JobNotice): void {
    this.node?.onNotice(notice)
  }
}
