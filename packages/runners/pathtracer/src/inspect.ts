import type { Document } from '@gltf-transform/core'
import { type Issue, isRayswarmError, type JobSpec, type RayswarmError } from '@rayswarm/interface'
import { outputBytes } from './canvas.ts'
import { readCamera, readLights, readSky } from './extras.ts'
import { isTriangles, plan } from './geometry.ts'
import {
  contradicts,
  environmentUri,
  type GltfFile,
  locate,
  readDocument,
  readGltf,
  references,
  SUPPORTED_EXTENSIONS,
  sceneExtras
} from './gltf-file.ts'
import { estimate, requireDeclaredMemory, requireMemory } from './memory.ts'
import { distinctUses } from './textures.ts'
import { floats, readTree, type Tree } from './tree.ts'

const LOSSY = new Set(['image/jpeg', 'image/webp', 'image/avif'])

/** Codes of issues by the error that a render would end with. */
const CODES: Readonly<Record<string, string>> = {
  ERR_FILE_MISSING: 'file-missing',
  ERR_NOT_GLTF: 'not-gltf',
  ERR_PATH_ESCAPES: 'path-escapes',
  ERR_SCENE_UNSUPPORTED: 'unsupported',
  ERR_SCENE_MEMORY: 'scene-memory'
}

function issueOf(error: unknown, where: string): Issue {
  const failure = isRayswarmError(error) ? error : contradicts(where, error)
  const { code, message, remedy = '', thing } = failure as RayswarmError
  return {
    severity: 'error',
    code: CODES[code] ?? 'invalid',
    where: thing ? `${where}: ${thing}` : where,
    message,
    remedy
  }
}

function warning(code: string, where: string, message: string, remedy: string): Issue {
  return { severity: 'warning', code, where, message, remedy }
}

/** Gathers what is wrong with a scene, from the outside in: what needs a sound file is looked at only then. */
class Inspection {
  readonly issues: Issue[] = []
  readonly #spec: JobSpec
  readonly #dir: string

  constructor(spec: JobSpec, dir: string) {
    this.#spec = spec
    this.#dir = dir
  }

  async run(): Promise<void> {
    const { entry } = this.#spec.work
    const file = await this.#try(entry, () => readGltf(this.#dir, entry))
    if (file === undefined) return
    for (const { path, kind } of references(file)) {
      await this.#try(path, () => locate(this.#dir, path, kind === 'image' ? 'texture' : kind))
    }
    this.#checkExtensions(file)
    if (this.issues.some(({ severity }) => severity === 'error')) return
    const document = await this.#try(entry, () => {
      requireDeclaredMemory(file.json, this.#spec.memoryBytes)
      return readDocument(this.#dir, file)
    })
    if (document === undefined) return
    await this.#try(entry, () => this.#checkDocument(document, file))
  }

  async #try<T>(where: string, action: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await action()
    } catch (error) {
      this.issues.push(issueOf(error, where))
      return undefined
    }
  }

  #checkExtensions(file: GltfFile): void {
    const required = new Set(file.json.extensionsRequired ?? [])
    for (const name of new Set([...required, ...(file.json.extensionsUsed ?? [])])) {
      if (SUPPORTED_EXTENSIONS.has(name)) continue
      const refused = required.has(name)
      this.issues.push({
        severity: refused ? 'error' : 'warning',
        code: refused ? 'extension-unsupported' : 'extension-ignored',
        where: file.entry,
        message: refused ? `the scene requires ${name}` : `${name} will not be shown`,
        remedy: `Export without ${name}.`
      })
    }
  }

  async #checkDocument(document: Document, file: GltfFile): Promise<void> {
    const { camera, entry } = this.#spec.work
    const tree = readTree(document, file)
    await this.#try(entry, () => readCamera(document, tree, camera))
    this.#checkLight(document, tree, file)
    await this.#try(entry, () => readSky(file, true, undefined))
    for (const mesh of document.getRoot().listMeshes()) this.#checkMesh(mesh)
    this.#checkTextures(document, entry)
    if (document.getRoot().listSkins().length > 0)
      this.issues.push(
        warning(
          'skin-ignored',
          entry,
          'skinned meshes are shown at rest',
          'Bake the animation into node transforms.'
        )
      )
    const pixels = outputBytes(this.#spec.work)
    await this.#try(entry, async () => {
      const hasMap = environmentUri(file.json) !== undefined
      requireMemory(
        await estimate(document, plan(tree), file.sizeBytes, hasMap, pixels),
        this.#spec.memoryBytes
      )
    })
  }

  #checkLight(document: Document, tree: Tree, file: GltfFile): void {
    const groups = plan(tree)
    if (groups.length === 0)
      this.issues.push(
        warning('scene-empty', file.entry, 'the scene shows no triangles', 'Add meshes to the scene.')
      )
    const lit =
      readLights(tree).length > 0 ||
      groups.some(({ emissive }) => emissive !== undefined) ||
      sceneExtras(file.json).sky !== undefined ||
      environmentUri(file.json) !== undefined
    if (lit) return
    this.issues.push(
      warning(
        'no-light',
        document.getRoot().getDefaultScene()?.getName() || file.entry,
        'the scene has neither light nor sky and will be shown under an overcast one',
        'Add a light, an emissive material, a sky or an environment.'
      )
    )
  }

  #checkMesh(mesh: ReturnType<ReturnType<Document['getRoot']>['listMeshes']>[number]): void {
    const name = mesh.getName() || 'unnamed mesh'
    for (const primitive of mesh.listPrimitives()) {
      const position = primitive.getAttribute('POSITION')
      if (!isTriangles(primitive)) {
        this.issues.push(
          warning('not-triangles', name, 'points and lines are not shown', 'Turn them into triangles.')
        )
      } else if (position === null) {
        this.issues.push(
          warning('no-positions', name, 'a primitive has no positions', 'Export the mesh again.')
        )
      } else if (!floats(position).every(Number.isFinite)) {
        this.issues.push({
          severity: 'error',
          code: 'vertices-not-finite',
          where: name,
          message: 'a vertex position is not a finite number',
          remedy: 'Repair the mesh: remove the broken vertices and export it again.'
        })
      }
      if (primitive.listTargets().length > 0)
        this.issues.push(
          warning('morph-ignored', name, 'morph targets are not shown', 'Bake the shape into the mesh.')
        )
    }
  }

  #checkTextures(document: Document, entry: string): void {
    const uses = distinctUses(document)
    for (const { texture, info } of uses) {
      const name = texture.getURI() || texture.getName() || entry
      if (LOSSY.has(texture.getMimeType()))
        this.issues.push(
          warning(
            'texture-lossy',
            name,
            `${texture.getMimeType()} may be decoded differently by other versions of the decoder`,
            'Save the texture as PNG.'
          )
        )
      if (info.getTexCoord() !== 0)
        this.issues.push(
          warning('second-uv', name, 'only the first set of texture coordinates is used', 'Use TEXCOORD_0.')
        )
    }
  }
}

/** Everything a creator should know about a scene before paying for it. */
export async function inspectScene(spec: JobSpec, dir: string): Promise<readonly Issue[]> {
  const inspection = new Inspection(spec, dir)
  await inspection.run()
  return inspection.issues
}
