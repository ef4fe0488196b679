import { readFile, realpath, stat } from 'node:fs/promises'
import { isAbsolute, join, posix, relative, sep } from 'node:path'
import { type Document, type GLTF, type JSONDocument, Logger, NodeIO } from '@gltf-transform/core'
import {
  KHRLightsPunctual,
  KHRMaterialsEmissiveStrength,
  KHRMaterialsIOR,
  KHRMaterialsTransmission,
  KHRMaterialsVolume,
  KHRMeshQuantization,
  KHRTextureTransform
} from '@gltf-transform/extensions'
import { RayswarmError } from '@rayswarm/interface'

const EXTENSIONS = [
  KHRLightsPunctual,
  KHRMaterialsEmissiveStrength,
  KHRMaterialsIOR,
  KHRMaterialsTransmission,
  KHRMaterialsVolume,
  KHRMeshQuantization,
  KHRTextureTransform
]
/** Extensions this renderer understands. */
export const SUPPORTED_EXTENSIONS: ReadonlySet<string> = new Set(EXTENSIONS.map(e => e.EXTENSION_NAME))

const GLB_MAGIC = 0x46546c67
const GLB_JSON = 0x4e4f534a
const GLB_BIN = 0x004e4942
const GLB_BUFFER = '@glb.bin'

/** A glTF file, its JSON and the chunk inside it, before anything outside it is read. */
export interface GltfFile {
  /** Path relative to the directory, as given. */
  readonly entry: string
  readonly json: GLTF.IGLTF
  readonly chunk: Uint8Array<ArrayBuffer> | undefined
  readonly sizeBytes: number
}

/** A file that a glTF file refers to. */
export interface GltfReference {
  readonly kind: 'buffer' | 'image' | 'environment'
  /** As written in the file. */
  readonly uri: string
  /** Relative to the directory that holds the entry, `/` separated. */
  readonly path: string
}

function notGltf(entry: string, why: string, cause?: unknown): RayswarmError {
  return new RayswarmError('ERR_NOT_GLTF', `${entry} is not a glTF 2.0 file: ${why}`, {
    thing: 'scene file',
    value: entry,
    remedy: 'Export the scene as glTF 2.0, either .gltf or .glb.',
    cause
  })
}

/** Something in the file does not fit together: what stumbled over it is the cause. */
export function contradicts(entry: string, cause: unknown): RayswarmError {
  return notGltf(entry, cause instanceof Error ? cause.message : String(cause), cause)
}

/**
 * Where `path` lies under `dir`, symbolic links followed.
 *
 * @throws {RayswarmError} `ERR_PATH_ESCAPES`, `ERR_FILE_MISSING`
 */
export async function locate(dir: string, path: string, thing: string): Promise<string> {
  const escapes = (value: string): RayswarmError =>
    new RayswarmError('ERR_PATH_ESCAPES', `${thing} ${path} lies outside the directory of the scene`, {
      thing,
      value,
      remedy: 'Keep every file beside or below the scene file and refer to it by a relative path.'
    })
  const clean = posix.normalize(path.replaceAll('\\', '/'))
  if (isAbsolute(path) || /^[a-z][a-z0-9+.-]*:/i.test(path) || clean === '..' || clean.startsWith('../')) {
    throw escapes(path)
  }
  const missing = (cause?: unknown): RayswarmError =>
    new RayswarmError('ERR_FILE_MISSING', `${thing} ${path} does not exist`, {
      thing,
      value: path,
      remedy: `Put ${path} beside the scene or remove the reference to it.`,
      cause
    })
  const root = await realpath(dir).catch(error => {
    throw missing(error)
  })
  const real = await realpath(join(root, clean)).catch(error => {
    throw missing(error)
  })
  const inside = relative(root, real)
  if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) throw escapes(real)
  if (!(await stat(real)).isFile()) throw missing()
  return real
}

function chunksOf(entry: string, bytes: Buffer): Pick<GltfFile, 'json' | 'chunk'> {
  if (bytes.length < 20 || bytes.readUInt32LE(0) !== GLB_MAGIC)
    return { json: parse(entry, bytes), chunk: undefined }
  if (bytes.readUInt32LE(4) !== 2) throw notGltf(entry, `container version ${bytes.readUInt32LE(4)}`)
  const jsonSize = bytes.readUInt32LE(12)
  if (bytes.readUInt32LE(16) !== GLB_JSON || 20 + jsonSize > bytes.length) {
    throw notGltf(entry, 'the JSON chunk is missing or cut off')
  }
  const json = parse(entry, bytes.subarray(20, 20 + jsonSize))
  const rest = 20 + jsonSize
  if (rest + 8 > bytes.length || bytes.readUInt32LE(rest + 4) !== GLB_BIN) return { json, chunk: undefined }
  const chunkSize = bytes.readUInt32LE(rest)
  if (rest + 8 + chunkSize > bytes.length) throw notGltf(entry, 'the binary chunk is cut off')
  return { json, chunk: new Uint8Array(bytes.subarray(rest + 8, rest + 8 + chunkSize)) }
}

function parse(entry: string, text: Buffer): GLTF.IGLTF {
  let json: unknown
  try {
    json = JSON.parse(text.toString('utf8'))
  } catch (error) {
    throw notGltf(entry, 'neither JSON nor a binary container', error)
  }
  const version = (json as GLTF.IGLTF | null)?.asset?.version
  if (typeof version !== 'string') throw notGltf(entry, 'asset.version is missing')
  if (!/^2\.\d+$/.test(version)) throw notGltf(entry, `version ${version}`)
  return json as GLTF.IGLTF
}

/**
 * Read the entry alone.
 *
 * @throws {RayswarmError} `ERR_FILE_MISSING`, `ERR_PATH_ESCAPES`, `ERR_NOT_GLTF`
 */
export async function readGltf(dir: string, entry: string): Promise<GltfFile> {
  const path = await locate(dir, entry, 'scene file')
  return parseGltf(entry, await readFile(path))
}

/** @throws {RayswarmError} `ERR_NOT_GLTF` */
export function parseGltf(entry: string, bytes: Buffer): GltfFile {
  return { entry, ...chunksOf(entry, bytes), sizeBytes: bytes.length }
}

/** What the file says beyond glTF: `extras.rayswarm` of the scene that is shown. */
export function sceneExtras(json: GLTF.IGLTF): Record<string, unknown> {
  const extras = json.scenes?.[json.scene ?? 0]?.extras as { rayswarm?: unknown } | undefined
  const own = extras?.rayswarm
  return typeof own === 'object' && own !== null ? (own as Record<string, unknown>) : {}
}

/** The environment image the scene names, if any. */
export function environmentUri(json: GLTF.IGLTF): string | undefined {
  const environment = sceneExtras(json).environment
  if (typeof environment === 'string') return environment
  const image = (environment as { image?: unknown } | undefined)?.image
  return typeof image === 'string' ? image : undefined
}

/** Every file outside the entry that the scene reads. */
export function references(file: GltfFile): GltfReference[] {
  const folder = posix.dirname(file.entry.replaceAll('\\', '/'))
  const found: GltfReference[] = []
  const add = (kind: GltfReference['kind'], uri: string | undefined): void => {
    if (uri === undefined || uri.startsWith('data:')) return
    let plain = uri
    try {
      plain = decodeURIComponent(uri)
    } catch {
      // Not percent-encoded after all: take it literally.
    }
    const path = isAbsolute(plain) || /^[a-z][a-z0-9+.-]*:/i.test(plain) ? plain : posix.join(folder, plain)
    found.push({ kind, uri, path })
  }
  for (const buffer of file.json.buffers ?? []) add('buffer', buffer.uri)
  for (const image of file.json.images ?? []) add('image', image.uri)
  add('environment', environmentUri(file.json))
  return found
}

/** Refuse what cannot be shown faithfully. */
export function requireSupported(file: GltfFile): void {
  for (const name of file.json.extensionsRequired ?? []) {
    if (SUPPORTED_EXTENSIONS.has(name)) continue
    throw new RayswarmError('ERR_SCENE_UNSUPPORTED', `the scene requires the extension ${name}`, {
      thing: 'glTF extension',
      value: name,
      remedy: `Export without ${name}; supported are ${[...SUPPORTED_EXTENSIONS].join(', ')}.`
    })
  }
}

/**
 * Read everything the file refers to and parse it.
 *
 * @throws {RayswarmError} `ERR_FILE_MISSING`, `ERR_PATH_ESCAPES`, `ERR_NOT_GLTF`, `ERR_SCENE_UNSUPPORTED`
 */
export async function readDocument(dir: string, file: GltfFile): Promise<Document> {
  requireSupported(file)
  const resources: JSONDocument['resources'] = {}
  if (file.chunk !== undefined) resources[GLB_BUFFER] = file.chunk
  for (const reference of references(file)) {
    if (reference.kind === 'environment') continue
    const path = await locate(dir, reference.path, reference.kind === 'buffer' ? 'buffer' : 'texture')
    resources[reference.uri] = new Uint8Array(await readFile(path))
  }
  const io = new NodeIO().setLogger(new Logger(Logger.Verbosity.SILENT)).registerExtensions(EXTENSIONS)
  try {
    return await io.readJSON({ json: file.json, resources })
  } catch (error) {
    throw contradicts(file.entry, error)
  }
}

/**
 * Every file a scene needs, relative to the directory of the entry: the entry first, then buffers, images and environment.
 *
 * @throws {RayswarmError} `ERR_FILE_MISSING`, `ERR_PATH_ESCAPES`, `ERR_NOT_GLTF`
 */
export async function sceneFiles(entryPath: string): Promise<string[]> {
  const cut = Math.max(entryPath.lastIndexOf('/'), entryPath.lastIndexOf(sep))
  const dir = cut < 0 ? '.' : entryPath.slice(0, cut) || '/'
  const file = await readGltf(dir, entryPath.slice(cut + 1))
  const paths = new Set([file.entry])
  for (const { path, kind } of references(file)) {
    await locate(dir, path, kind === 'image' ? 'texture' : kind)
    paths.add(posix.normalize(path))
  }
  return [...paths]
}
