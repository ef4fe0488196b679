import type { Records } from '@rayswarm/interface'
import type { PeerComponents } from '@rayswarm/peer'

/** Fills the DHT with nonsense, and with true certificates under wrong keys, before it puts its own. */
export function poisoner(components: PeerComponents): PeerComponents {
  const { records, chance } = components
  let last: { key: string; value: Uint8Array } | undefined
  const put: Records['put'] = async (key, value, options) => {
    await records.put(key, chance.bytes(value.length), options)
    if (last !== undefined) {
      await records.put(key, last.value, options)
      await records.put(last.key, value, options)
    }
    last = { key, value }
    await records.put(key, value, options)
  }
  const get: Records['get'] = async (key, options) =>
    chance.unit() < 0.5 ? last?.value : records.get(key, options)
  return { ...components, records: { put, get } }
}
