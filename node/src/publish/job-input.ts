import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, dirname, extname, join, posix } from 'node:path'
import {
  type AssetSource,
  type Cid,
  type ErrorCode,
  type JobSpec,
  type PeerId,
  type Quote,
  RayswarmError,
  type Runner
} from '@rayswarm/interface'
import { quote } from '@rayswarm/market'
import { cidOf, nodeIdentity } from '@rayswarm/wire'
import { type JobFile, jobSpecOf, parseJobFile, split } from '@rayswarm/workload'
import { diskFailure, readJson } from '../disk.ts'
import { absolute } from '../swarm-file.ts'

/** What the command line says about a job beyond its file. */
export interface JobOverrides {
  readonly frames?: string
  readonly widthPx?: number
  readonly heightPx?: number
  readonly samplesPerPixel?: number
  readonly memoryBytes?: number
}

/** A job as it lies on the creator's disk. */
export interface JobInput {
  readonly file: JobFile
  /** Directory that the scene's path is relative to. */
  readonly dir: string
  readonly name: string
}

/** A job that was found fit to be published. */
export interface CheckedJob {
  readonly file: JobFile
  readonly sources: readonly AssetSource[]
  readonly quote: Quote
  readonly warnings: readonly string[]
}

/** What an engine's issues are called when they end a command. */
const ISSUE_ERRORS: Readonly<Record<string, ErrorCode>> = {
  'file-missing': 'ERR_FILE_MISSING',
  'not-gltf': 'ERR_NOT_GLTF',
  'path-escapes': 'ERR_PATH_ESCAPES',
  'scene-memory': 'ERR_SCENE_MEMORY'
}

/** Stands for what only the import of the assets tells. */
const DRAFT = {
  creator: nodeIdentity(new Uint8Array(32)).peerId,
  manifest: cidOf({ entries: [] }),
  nonce: 0
} as const

/**
 * Read a job file, or make one for a bare scene.
 *
 * @throws {RayswarmError} `ERR_FILE_MISSING`, `ERR_JOB_INVALID`, `ERR_FRAMES_EMPTY`, `ERR_PATH_ESCAPES`, `ERR_NOT_GLTF`
 */
export async function readJobInput(path: string, overrides: JobOverrides): Promise<JobInput> {
  const from = absolute(path)
  const kind = extname(from).toLowerCase()
  const isFile = await stat(from).then(
    found => found.isFile(),
    error => {
      throw diskFailure(error, kind === '.json' ? 'job file' : 'scene file', path)
    }
  )
  if (!isFile || !['.json', '.gltf', '.glb'].includes(kind))
    throw new RayswarmError('ERR_NOT_GLTF', `${path} is neither a glTF scene nor a job file`, {
      thing: 'scene file',
      value: path,
      remedy: 'Export the scene as .gltf or .glb, or write a job file that ends in .json.'
    })
  const written = kind === '.json' ? await readJson(from, 'job file') : { scene: basename(from) }
  const isObject = typeof written === 'object' && written !== null
  const file = parseJobFile(isObject ? { ...written, ...overrides } : written)
  const name = file.name ?? basename(file.scene, extname(file.scene))
  return { file, dir: dirname(from), name }
}

/** The job's spec, once its assets are known. */
export function specOf(
  file: JobFile,
  assets: { readonly manifest: Cid; readonly assetsSizeBytes: number; readonly creator: PeerId },
  nonce: number
): JobSpec {
  return jobSpecOf(file, { ...assets, nonce })
}

/**
 * Look at everything the job needs before anything is imported or locked.
 *
 * @throws {RayswarmError} the error of the first thing that would make the job fail
 */
export async function checkJob(
  input: JobInput,
  runners: readonly Runner[],
  sceneFiles: (entryPath: string) => Promise<readonly string[]>
): Promise<CheckedJob> {
  const { file, dir } = input
  const folder = posix.dirname(file.scene)
  const paths = (await sceneFiles(join(dir, file.scene))).map(path => posix.join(folder, path))
  const sources: AssetSource[] = []
  let assetsSizeBytes = 0
  for (const path of paths) {
    const from = join(dir, path)
    const { size } = await stat(from).catch(error => {
      throw diskFailure(error, 'asset', path)
    })
    assetsSizeBytes += size
    sources.push({ path, read: () => createReadStream(from) })
  }
  const spec = jobSpecOf(file, { ...DRAFT, assetsSizeBytes })
  const runner = runners.find(({ engine }) => engine === spec.work.engine)
  if (runner === undefined)
    throw new RayswarmError('ERR_JOB_INVALID', `there is no engine ${spec.work.engine}`, {
      thing: 'engine',
      value: spec.work.engine,
      remedy: `Use one of: ${runners.map(({ engine }) => engine).join(', ')}.`
    })
  const issues = await runner.inspect(spec, dir)
  const broken = issues.find(({ severity }) => severity === 'error')
  if (broken !== undefined)
    throw new RayswarmError(ISSUE_ERRORS[broken.code] ?? 'ERR_SCENE_UNSUPPORTED', broken.message, {
      thing: broken.where,
      value: broken.code === 'scene-memory' ? spec.memoryBytes : broken.code,
      remedy: broken.remedy
    })
  return {
    file,
    sources,
    quote: quote(spec, split(spec)),
    warnings: issues.map(issue => `${issue.where}: ${issue.message} ${issue.remedy}`)
  }
}
