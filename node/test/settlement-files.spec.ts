import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { Hex, Receipt } from '@rayswarm/interface'
import type { JobReport } from '@rayswarm/peer'
import { receiptsTree, verifyReceipt } from '@rayswarm/settlement'
import { jobIdOf, peerIdOf } from '@rayswarm/wire'
import { writeReceipt, writeReport } from '../src/publish/settlement-files.ts'
import { temporaryDir } from './support/program.ts'

const job = jobIdOf({ name: 'settled' } as never)
const account = '0x52908400098527886E0F7030069857D2E4169EE7'
const own: Receipt = {
  replica: { job, subtask: 0, replica: 0, generation: 0 },
  node: peerIdOf(new Uint8Array(32).fill(1)),
  account,
  gross: 10n,
  digest: `0x${'11'.repeat(32)}`
}
const { root } = receiptsTree([own])
const other: Hex = `0x${'22'.repeat(32)}`

function report(receiptsRoot: Hex): JobReport {
  return {
    job,
    end: 'complete',
    subtaskCount: 1,
    acceptedCount: 1,
    executions: [],
    receipts: [own],
    receiptsRoot,
    ...(receiptsRoot === root ? {} : { ownReceiptsRoot: root }),
    escrow: { chainId: 1, contract: account, id: other },
    locked: 20n,
    outcome: {
      txHash: other,
      receiptsRoot,
      paid: 10n,
      burned: 0n,
      treasury: 0n,
      refunded: 10n,
      credits: [{ account, amount: 10n }]
    }
  }
}

describe('a job’s receipt and report', () => {
  const dir = temporaryDir()
  after(() => dir.remove())
  const json = (path: string): { receiptsRoot: Hex; receipts: { proof: Hex[] }[]; error?: string } =>
    JSON.parse(readFileSync(path, 'utf8'))

  it('prove each receipt against the root on the chain', async () => {
    const { receipts, receiptsRoot, error } = json(await writeReceipt(dir.path, report(root)))
    assert.equal(error, undefined)
    assert.ok(verifyReceipt(receiptsRoot, own, receipts[0]!.proof))
  })

  it('name both roots where others were settled, and show no proof that proves nothing', async () => {
    const wrong = report(other)
    const receipt = json(await writeReceipt(dir.path, wrong))
    assert.deepEqual([receipt.receiptsRoot, receipt.receipts], [other, []])
    for (const { error } of [receipt, json(await writeReport(dir.path, wrong, {}))])
      assert.ok(String(error).includes(root) && String(error).includes(other), String(error))
  })
})
