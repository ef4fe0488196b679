/**
 * @packageDocumentation
 *
 * Content by id: jobs' files go in as UnixFS blocks under one manifest, and come out verified on another peer's disk. The
 * `Assets` port over Helia.
 *
 * @example
 *
 * ```ts
 * import { createAssets } from '@rayswarm/assets'
 *
 * const assets = await createAssets({ libp2p, dir: 'state/assets', quotaBytes: 10 * 2 ** 30, netId: 'testnet' })
 * const { cid } = await assets.add([{ path: 'scene.glb', read: () => createReadStream('scene.glb') }])
 * const checkout = await assets.checkout(cid, { providers: [], sizeBytesMax: 2 ** 30, timeoutMs: 60_000 })
 * ```
 */
export { type AssetsInit, createAssets } from './create-assets.ts'
export type { HeliaAssets } from './helia-assets.ts'
export { decodeManifest, encodeManifest, manifestOf } from './manifest.ts'
export { checkPaths, PATH_SIZE_BYTES_MAX, type PathFault, pathFault, pathsFault } from './paths.ts'
