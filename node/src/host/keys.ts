import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Account, type Hex, RayswarmError } from '@rayswarm/interface'
import { diskFailure, readJson, writeWhole } from '../disk.ts'

const OWNER_ONLY = 0o600
const SEED_SIZE_BYTES = 32

/** A chain account of this peer. */
export interface OwnAccount {
  readonly account: Account
  readonly key: Hex
  /** Made just now. */
  readonly created: boolean
  /** Kept under a passphrase. */
  readonly encrypted: boolean
}

/** Seed of the peer's signing key, made on first use. */
export async function loadSeed(dir: string): Promise<Uint8Array> {
  const path = join(dir, 'peer.key')
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw diskFailure(error, 'key file', path)
  })
  if (text === undefined) {
    const seed = Uint8Array.from(randomBytes(SEED_SIZE_BYTES))
    await writeWhole(path, `${Buffer.from(seed).toString('hex')}\n`, { thing: 'key file', mode: OWNER_ONLY })
    return seed
  }
  if (!/^[\da-f]{64}\s*$/.test(text))
    throw new RayswarmError('ERR_USAGE', `key file ${path} is not a key of ${SEED_SIZE_BYTES} bytes in hex`, {
      thing: 'key file',
      value: path,
      remedy: 'Restore it from a copy; delete it only to become a new peer.'
    })
  return Uint8Array.from(Buffer.from(text.trim(), 'hex'))
}

export interface AccountOptions {
  /** Encrypts and decrypts the key file (Ethereum keystore v3). */
  readonly passphrase?: string
  /** Money is at stake: a key in plain text is refused. */
  readonly encryptedOnly: boolean
}

/**
 * The peer's chain account, made on first use.
 *
 * @throws {RayswarmError} `ERR_USAGE` when the passphrase is missing or wrong, or the file is not one of ours
 */
export async function loadAccount(dir: string, options: AccountOptions): Promise<OwnAccount> {
  const path = join(dir, 'account.json')
  const { Wallet } = await import('ethers')
  const { passphrase, encryptedOnly } = options
  const found = await readJson(path, 'account file').catch(error => {
    if (error instanceof RayswarmError && error.code === 'ERR_FILE_MISSING') return undefined
    throw error
  })
  if (found === undefined) {
    if (encryptedOnly && passphrase === undefined) throw passphraseMissing(path)
    const wallet = Wallet.createRandom()
    const account = wallet.address
    const key = wallet.privateKey as Hex
    const text =
      passphrase === undefined
        ? `${JSON.stringify({ address: account, key }, undefined, 2)}\n`
        : await wallet.encrypt(passphrase)
    await writeWhole(path, text, { thing: 'account file', mode: OWNER_ONLY })
    return { account, key, created: true, encrypted: passphrase !== undefined }
  }
  if (typeof found === 'object' && found !== null && 'key' in found) {
    if (encryptedOnly) throw passphraseMissing(path)
    try {
      const { NativeKey } = await import('@rayswarm/chain')
      const wallet = new Wallet(new NativeKey(String(found.key)))
      return { account: wallet.address, key: wallet.privateKey as Hex, created: false, encrypted: false }
    } catch (cause) {
      throw notAnAccount(path, cause)
    }
  }
  if (passphrase === undefined) throw passphraseMissing(path)
  const wallet = await Wallet.fromEncryptedJson(JSON.stringify(found), passphrase).catch(cause => {
    throw notAnAccount(path, cause)
  })
  return { account: wallet.address, key: wallet.privateKey as Hex, created: false, encrypted: true }
}

function passphraseMissing(path: string): RayswarmError {
  return new RayswarmError('ERR_USAGE', `account file ${path} needs a passphrase`, {
    thing: 'account file',
    value: path,
    remedy: 'Name a file that holds it with --passphrase-file.'
  })
}

function notAnAccount(path: string, cause: unknown): RayswarmError {
  return new RayswarmError('ERR_USAGE', `account file ${path} cannot be read: wrong passphrase or damaged`, {
    thing: 'account file',
    value: path,
    remedy: 'Check the passphrase, or restore the file from a copy.',
    cause
  })
}
