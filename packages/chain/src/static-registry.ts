import { RayswarmError, type Registration, type Registry, type RegistrySnapshot } from '@rayswarm/interface'
import { REGISTRATION_COUNT_MAX } from '@rayswarm/params'
import { isAccount, publicKeyOf } from '@rayswarm/wire'
import { CLASS_COUNT_MAX, checkEpoch, isClass, lastCountedEpoch, snapshotOf } from './registrations.ts'

const AMOUNT_MAX = (1n << 64n) - 1n
const TAG_LENGTH_MAX = 66
const EPOCH_S_MAX = 365 * 24 * 3_600
const EPOCH_MAX = 2 ** 32 - 1
const SECOND_MS = 1_000
/** Control characters and halves of surrogate pairs. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u
/** Snapshots kept: epochs pass slowly. */
const SNAPSHOT_COUNT_MAX = 8

/** Who takes part in a test network, as its genesis file says. */
export interface Genesis {
  /** Length of an epoch in seconds. */
  readonly epochS: number
  /** Each counts `REGISTRATION_DELAY_EPOCHS` after its `sinceEpoch`; 0 is long ago. */
  readonly entries: readonly Registration[]
}

/**
 * Judge what a genesis file holds: `{ epochS, entries }`, with stakes as decimal text.
 *
 * @throws {RayswarmError} `ERR_USAGE` naming the entry and the field
 * @see spec/registry.md#genesis-file
 */
export function parseGenesis(value: unknown): Genesis {
  const { epochS, entries } = fieldsOf(value, 'genesis', ['epochS', 'entries'])
  if (!isInteger(epochS, 1, EPOCH_S_MAX)) throw bad('epochS', epochS, `an integer from 1 to ${EPOCH_S_MAX}`)
  if (!Array.isArray(entries) || entries.length > REGISTRATION_COUNT_MAX)
    throw bad('entries', entries, `a list of at most ${REGISTRATION_COUNT_MAX}`)
  const parsed = entries.map(registrationOf)
  for (const field of ['peer', 'account'] as const) {
    const seen = new Set<string>()
    for (const [index, entry] of parsed.entries()) {
      if (seen.has(entry[field])) throw bad(`entries.${index}.${field}`, entry[field], 'in no other entry')
      seen.add(entry[field])
    }
  }
  return { epochS, entries: parsed }
}

/** What {@link parseGenesis} reads, for `JSON.stringify`. */
export function genesisJson({ epochS, entries }: Genesis): unknown {
  return { epochS, entries: entries.map(entry => ({ ...entry, stake: String(entry.stake) })) }
}

/** Where a {@link StaticRegistry} takes the time from. */
export interface StaticRegistryInit extends Genesis {
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number
}

/** A registry that never changes but for entries that come of age. For test networks: its stakes are words. */
export class StaticRegistry implements Registry {
  readonly #init: StaticRegistryInit
  readonly #snapshots = new Map<number, RegistrySnapshot>()

  /** @throws {RayswarmError} `ERR_USAGE` as {@link parseGenesis} */
  constructor(init: StaticRegistryInit) {
    this.#init = { ...parseGenesis(genesisJson(init)), nowMs: init.nowMs }
  }

  async epoch(): Promise<number> {
    return Math.floor(this.#init.nowMs() / SECOND_MS / this.#init.epochS)
  }

  async snapshot(epoch: number): Promise<RegistrySnapshot> {
    checkEpoch(epoch, await this.epoch())
    const known = this.#snapshots.get(epoch)
    if (known !== undefined) return known
    const last = lastCountedEpoch(epoch)
    const counted = this.#init.entries.filter(({ sinceEpoch }) => sinceEpoch <= last)
    const snapshot = snapshotOf(epoch, counted)
    if (this.#snapshots.size >= SNAPSHOT_COUNT_MAX)
      this.#snapshots.delete(this.#snapshots.keys().next().value!)
    this.#snapshots.set(epoch, snapshot)
    return snapshot
  }
}

function registrationOf(value: unknown, index: number): Registration {
  const at = (field: string): string => `entries.${index}.${field}`
  const fields = ['peer', 'account', 'stake', 'classes', 'operatorTag', 'sinceEpoch'] as const
  const { peer, account, stake, classes, operatorTag, sinceEpoch } = fieldsOf(
    value,
    `entries.${index}`,
    fields
  )
  if (typeof peer !== 'string' || publicKeyOf(peer) === undefined)
    throw bad(at('peer'), peer, 'an ed25519 peer id (12D3KooW…)')
  if (typeof account !== 'string' || !isAccount(account))
    throw bad(at('account'), account, 'an account (0x and 40 hex digits, EIP-55 checksummed, not zero)')
  if (!isStake(stake)) throw bad(at('stake'), stake, 'decimal text from 0 to 2^64 - 1')
  if (!isClasses(classes))
    throw bad(at('classes'), classes, `at most ${CLASS_COUNT_MAX} distinct equivalence classes`)
  if (typeof operatorTag !== 'string' || operatorTag.length > TAG_LENGTH_MAX || UNPRINTABLE.test(operatorTag))
    throw bad(at('operatorTag'), operatorTag, `text of at most ${TAG_LENGTH_MAX} characters`)
  if (!isInteger(sinceEpoch, 0, EPOCH_MAX))
    throw bad(at('sinceEpoch'), sinceEpoch, `an integer from 0 to ${EPOCH_MAX}`)
  return { peer, account, stake: BigInt(stake), classes, operatorTag, sinceEpoch }
}

function isStake(value: unknown): value is string {
  return typeof value === 'string' && /^(?:0|[1-9]\d{0,19})$/.test(value) && BigInt(value) <= AMOUNT_MAX
}

function isClasses(value: unknown): value is string[] {
  return (
    Array.isArray(value) &&
    value.length <= CLASS_COUNT_MAX &&
    value.every(isClass) &&
    new Set(value).size === value.length
  )
}

function isInteger(value: unknown, min: number, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
}

/** The fields of an object that has these and no others. */
function fieldsOf<Name extends string>(
  value: unknown,
  where: string,
  names: readonly Name[]
): Readonly<Record<Name, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw bad(where, value, 'an object')
  const strange = Object.keys(value).find(name => !(names as readonly string[]).includes(name))
  if (strange !== undefined) throw bad(`${where}.${strange}`, strange, `one of ${names.join(', ')}`)
  return value as Record<Name, unknown>
}

function bad(field: string, value: unknown, want: string): RayswarmError {
  return new RayswarmError('ERR_USAGE', `genesis: ${field} must be ${want}`, {
    thing: `genesis: ${field}`,
    value,
    remedy: 'Correct the field; spec/registry.md#genesis-file lists them.'
  })
}
