import { BaseDatastore, MemoryDatastore } from 'datastore-core'
import type { RecordStore } from './record-store.ts'

type Key = Parameters<BaseDatastore['get']>[0]
type Options = Parameters<BaseDatastore['get']>[1]

const PEERS_PREFIX = '/peers/'

/**
 * Peers that libp2p remembers. Everybody may tell us of peers that do not exist, so there is an end to it.
 *
 * Well above the peers we keep addresses of: who is forgotten here is looked up again.
 */
export const KNOWN_PEERS_MAX = 10_000

/**
 * Where libp2p keeps what it knows: peers in memory, bounded, and everything else on disk.
 *
 * libp2p reads and writes a peer's entry for every stream. What has to survive of it is in the peer book.
 */
export class Libp2pStore extends BaseDatastore {
  readonly #peers = new MemoryDatastore()
  /** Keys of the peers, the one written longest ago first. */
  readonly #peerKeys = new Map<string, Key>()
  readonly #records: RecordStore

  constructor(records: RecordStore) {
    super()
    this.#records = records
  }

  override async put(key: Key, value: Uint8Array, options?: Options): Promise<Key> {
    const name = key.toString()
    if (!name.startsWith(PEERS_PREFIX)) return this.#records.put(key, value, options)
    this.#peerKeys.delete(name)
    this.#peerKeys.set(name, key)
    for (const [oldest, oldestKey] of this.#peerKeys) {
      if (this.#peerKeys.size <= KNOWN_PEERS_MAX) break
      this.#peerKeys.delete(oldest)
      this.#peers.delete(oldestKey)
    }
    return this.#peers.put(key, value)
  }

  override async get(key: Key, options?: Options): Promise<Uint8Array> {
    return isPeer(key) ? this.#peers.get(key) : this.#records.get(key, options)
  }

  override async has(key: Key, options?: Options): Promise<boolean> {
    return isPeer(key) ? this.#peers.has(key) : this.#records.has(key, options)
  }

  override async delete(key: Key, options?: Options): Promise<void> {
    if (!isPeer(key)) return this.#records.delete(key, options)
    this.#peerKeys.delete(key.toString())
    this.#peers.delete(key)
  }

  override query(
    ...[query, options]: Parameters<BaseDatastore['query']>
  ): ReturnType<BaseDatastore['query']> {
    return asksForPeers(query) ? this.#peers.query(query, options) : this.#records.query(query, options)
  }

  override queryKeys(
    ...[query, options]: Parameters<BaseDatastore['queryKeys']>
  ): ReturnType<BaseDatastore['queryKeys']> {
    return asksForPeers(query)
      ? this.#peers.queryKeys(query, options)
      : this.#records.queryKeys(query, options)
  }
}

function isPeer(key: Key): boolean {
  return key.toString().startsWith(PEERS_PREFIX)
}

function asksForPeers({ prefix }: { readonly prefix?: string }): boolean {
  return `${prefix ?? ''}/`.startsWith(PEERS_PREFIX)
}
