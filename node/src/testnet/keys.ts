import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account, Hex, PeerId } from '@rayswarm/interface'
import { nodeIdentity } from '@rayswarm/wire'
import { readJson, writeWhole } from '../disk.ts'

const OWNER_ONLY = 0o600

/** Who a peer of a testnet is, before it runs. */
export interface PeerKeys {
  readonly peerId: PeerId
  readonly account: Account
}

/** 32 bytes that follow from the testnet's seed and a purpose. Play money only: whoever knows the seed has every key. */
export function seededBytes(seed: string, purpose: string): Buffer {
  return createHash('sha256').update(`rayswarm testnet ${seed} ${purpose}`).digest()
}

/** Put a peer's keys into its directory, unless it has some from an earlier run. */
export async function writeKeys(home: string, seed: string, name: string): Promise<PeerKeys> {
  await mkdir(home, { recursive: true, mode: 0o700 })
  const { computeAddress } = await import('ethers')
  const keyPath = join(home, 'peer.key')
  const accountPath = join(home, 'account.json')
  const known = (await readFile(keyPath, 'utf8').catch(() => '')).trim()
  const peerKey = known || seededBytes(seed, `${name} peer`).toString('hex')
  if (known === '') await writeWhole(keyPath, `${peerKey}\n`, { thing: 'key file', mode: OWNER_ONLY })
  const kept = (await readJson(accountPath, 'account file').catch(() => undefined)) as
    | { key?: Hex }
    | undefined
  const key = kept?.key ?? (`0x${seededBytes(seed, `${name} account`).toString('hex')}` as Hex)
  const address = computeAddress(key)
  if (kept?.key === undefined)
    await writeWhole(accountPath, `${JSON.stringify({ address, key }, undefined, 2)}\n`, {
      thing: 'account file',
      mode: OWNER_ONLY
    })
  return { peerId: nodeIdentity(Uint8Array.from(Buffer.from(peerKey, 'hex'))).peerId, account: address }
}
