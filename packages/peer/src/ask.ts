import type { MessageType, PeerId, Protocol, RequestOptions } from '@rayswarm/interface'
import { decodeMessage, type MessageOf } from '@rayswarm/wire'
import type { RoleComponents } from './components.ts'

/** Send a peer an encoded request and decode its answer. Undefined when it does not answer, or not with a message of these types. */
export async function ask<T extends MessageType>(
  { network, context }: RoleComponents,
  to: PeerId,
  protocol: Protocol,
  request: Uint8Array,
  types: readonly T[],
  options: RequestOptions
): Promise<MessageOf<T> | undefined> {
  const bytes = await network.request(to, protocol, request, options).catch(() => undefined)
  const decoded = bytes && decodeMessage(bytes, types, context)
  return decoded?.ok ? decoded.value : undefined
}

/** Resolve as soon as one resolves to true, or when all have resolved. */
export async function firstOf(items: readonly Promise<boolean>[]): Promise<void> {
  await new Promise<void>(resolve => {
    for (const item of items)
      item.then(
        met => met && resolve(),
        () => undefined
      )
    Promise.allSettled(items).then(() => resolve())
  })
}
