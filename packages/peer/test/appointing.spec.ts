import assert from 'node:assert/strict'
import { jobIdOf } from '@rayswarm/wire'
import { Appointing } from '../src/appointing.ts'
import { Draws } from '../src/draws.ts'
import { appointedFor, componentsOf, creator, drawnOffer, EPOCH, QUORUM } from './drawn-jobs.ts'

const offer = drawnOffer(1)
const { spec, escrow } = offer.body
const RULE = { witnessCount: 3, quorum: QUORUM }

/** Publish where the escrow names these already. */
function appoint(appointed: string, rule: { witnessCount: number; quorum: number }) {
  const { components } = componentsOf(creator, async () => ({ state: 'locked', final: true, appointed }))
  Object.assign(components.chain, { appoint: async () => ({ txHash: '0x' }) })
  const job = { job: jobIdOf(spec), spec, escrow, locked: 1n }
  return new Appointing(components, new Draws(components)).appoint(job, rule)
}

describe('Appointing', () => {
  it('finds the witnesses that it appointed before', async () => {
    const { drawEpoch, witness, drawn } = await appoint(appointedFor(offer), RULE)
    assert.deepEqual([drawEpoch, witness, drawn?.witnesses.length], [EPOCH, RULE, 3])
  })

  it('says so when the escrow names others, and where the beacon tells the epoch', async () => {
    await assert.rejects(appoint(`0x${'ab'.repeat(32)}`, RULE), { code: 'ERR_JOB_INVALID' })
  })

  it('does not go back to owner mode: nobody could be paid any more', async () => {
    const owner = { witnessCount: 1, quorum: 1 }
    await assert.rejects(appoint(appointedFor(offer), owner), { code: 'ERR_JOB_INVALID' })
  })
})
