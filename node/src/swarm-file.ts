import { isAbsolute, resolve } from 'node:path'
import {
  type Account,
  type EquivalenceClass,
  type Hex,
  isRayswarmError,
  type PeerId,
  RayswarmError
} from '@rayswarm/interface'
import type { Preset } from '@rayswarm/params'
import { z } from 'zod'
import { readJson, writeWhole } from './disk.ts'

/** Who takes part from the beginning, on networks without a registry on their chain. spec/cli.md#swarm-file */
export interface RegistryFile {
  /** Length of an epoch in seconds. */
  readonly epochS: number
  readonly entries: readonly {
    readonly peer: PeerId
    readonly account: Account
    /** Base units, as decimal text. */
    readonly stake: string
    readonly classes: readonly EquivalenceClass[]
    readonly operatorTag: string
    readonly sinceEpoch: number
  }[]
  /** 32 bytes in hex that stand for a public beacon. */
  readonly beaconSeed: Hex
}

/** What a peer must know to join a swarm. spec/cli.md#swarm-file */
export interface SwarmFile {
  /** Names the network; part of every protocol name. */
  readonly netId: string
  readonly preset: Preset
  readonly chain: {
    readonly chainId: number
    readonly rpcUrl: string
    readonly token: Account
    readonly escrow: Account
    /** `NodeRegistry`; without it witnesses are drawn from `registry`, or the creator is the only one. */
    readonly registry?: Account
    readonly deployedAtBlock?: number
    readonly confirmations?: number
  }
  /** Multiaddrs of peers to start from, each ending in `/p2p/<peer id>`. */
  readonly bootstrap: readonly string[]
  /** Test networks only: the key that mints play money for whoever asks. */
  readonly faucetKey?: Hex
  /** Test networks only. */
  readonly registry?: RegistryFile
}

const BOOTSTRAP_COUNT_MAX = 64
const REGISTRATION_COUNT_MAX = 10_000
const account = z.custom<Account>(
  value => typeof value === 'string' && /^0x[\da-fA-F]{40}$/.test(value),
  'must be 0x and 40 hex digits'
)

const schema: z.ZodType<SwarmFile> = z
  .strictObject({
    netId: z.string().regex(/^[a-z\d][a-z\d-]{0,31}$/, 'must be 1 to 32 of a-z, 0-9 and -'),
    preset: z.enum(['mainnet', 'testnet', 'minimal'], 'must be mainnet, testnet or minimal'),
    chain: z.strictObject({
      chainId: z.int().positive(),
      rpcUrl: z.string().regex(/^https?:\/\/./, 'must be an http(s) URL'),
      token: account,
      escrow: account,
      registry: account.exactOptional(),
      deployedAtBlock: z.int().nonnegative().exactOptional(),
      confirmations: z.int().nonnegative().exactOptional()
    }),
    bootstrap: z.array(z.string().max(256)).max(BOOTSTRAP_COUNT_MAX),
    faucetKey: z
      .custom<Hex>(
        value => typeof value === 'string' && /^0x[\da-f]{64}$/.test(value),
        'must be a private key'
      )
      .exactOptional(),
    registry: z
      .strictObject({
        epochS: z.int().positive(),
        entries: z
          .array(
            z.strictObject({
              peer: z.string().max(128),
              account,
              stake: z.string().regex(/^\d{1,20}$/, 'must be decimal text'),
              classes: z.array(z.string().max(128)).max(32),
              operatorTag: z.string().max(66),
              sinceEpoch: z.int().nonnegative()
            })
          )
          .max(REGISTRATION_COUNT_MAX),
        beaconSeed: z.custom<Hex>(
          value => typeof value === 'string' && /^0x[\da-f]{64}$/.test(value),
          'must be 0x and 64 hex digits'
        )
      })
      .exactOptional()
  })
  .refine(file => file.preset !== 'mainnet' || file.registry === undefined, {
    path: ['registry'],
    message: 'is for test networks: mainnet has its registry on the chain'
  })
  .refine(file => file.preset !== 'mainnet' || file.faucetKey === undefined, {
    path: ['faucetKey'],
    message: 'is for test networks: remove it from a mainnet file'
  })

/**
 * Read a swarm file.
 *
 * @throws {RayswarmError} `ERR_FILE_MISSING`; `ERR_USAGE` naming the field that is wrong
 */
export async function readSwarmFile(path: string): Promise<SwarmFile> {
  const value = await readJson(path, 'swarm file').catch(error => {
    if (!isRayswarmError(error) || error.code !== 'ERR_FILE_MISSING') throw error
    throw new RayswarmError('ERR_FILE_MISSING', `swarm file ${path} does not exist`, {
      thing: 'swarm file',
      value: path,
      remedy: 'Start a swarm of your own with `rayswarm testnet up`, or name a swarm file with --swarm.'
    })
  })
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]!
  const field = issue.path.join('.') || 'file'
  throw new RayswarmError('ERR_USAGE', `swarm file ${path}: ${field}: ${issue.message}`, {
    thing: `swarm file: ${field}`,
    value: path,
    remedy: 'Correct the field; spec/cli.md#swarm-file lists them.'
  })
}

/** Write a swarm file, whole or not at all. It holds the key of a test network's faucet: for its owner alone. */
export async function writeSwarmFile(path: string, file: SwarmFile): Promise<void> {
  await writeWhole(path, `${JSON.stringify(file, undefined, 2)}\n`, { thing: 'swarm file', mode: 0o600 })
}

/** A path as given on the command line, absolute. */
export function absolute(path: string): string {
  return isAbsolute(path) ? path : resolve(path)
}
