import { isAbsolute, join, normalize } from 'node:path'
import type { Artifact, JobId } from '@rayswarm/interface'
import type { Peer } from '@rayswarm/peer'
import { writeWhole } from '../disk.ts'

/** Where frames lie inside a job's output directory. */
export const FRAMES_DIR = 'frames'

/** Where one job's pictures go, and what has arrived there. */
export interface PictureDir {
  readonly job: JobId
  readonly outDir: string
  /** Absolute paths of each frame's files. */
  readonly frames: Map<number, readonly string[]>
}

/** Writes the frames of a creator's jobs as they are finished, each file whole or not at all. */
export class Pictures {
  readonly #dirs = new Map<JobId, PictureDir>()
  readonly #listeners = new Set<(dir: PictureDir, frame: number) => void>()
  #writing: Promise<void> = Promise.resolve()
  /** The first thing that went wrong; nothing is written after it. */
  failure: unknown

  /** Take the frames of a job. Frames of jobs that nobody declared are not written. */
  expect(job: JobId, outDir: string): PictureDir {
    const known = this.#dirs.get(job)
    if (known !== undefined) return known
    const dir: PictureDir = { job, outDir, frames: new Map() }
    this.#dirs.set(job, dir)
    return dir
  }

  watch({ events }: Pick<Peer, 'events'>): void {
    events.on('frame:finished', ({ job, frame, artifacts }) => {
      const dir = this.#dirs.get(job)
      if (dir !== undefined) this.#writing = this.#writing.then(() => this.#write(dir, frame, artifacts))
    })
  }

  /** Told after each frame that was written, and when writing failed. */
  onChange(fn: (dir: PictureDir, frame: number) => void): void {
    this.#listeners.add(fn)
  }

  /** Resolves when everything that arrived so far is written. */
  written(): Promise<void> {
    return this.#writing
  }

  async #write(dir: PictureDir, frame: number, artifacts: readonly Artifact[]): Promise<void> {
    if (this.failure !== undefined) return
    try {
      const paths: string[] = []
      for (const { path, bytes } of artifacts) {
        const inside = normalize(path)
        if (isAbsolute(inside) || inside.startsWith('..')) throw new RangeError(`artifact path ${path}`)
        const to = join(dir.outDir, FRAMES_DIR, inside)
        await writeWhole(to, bytes, { thing: 'picture' })
        paths.push(to)
      }
      dir.frames.set(frame, paths)
    } catch (error) {
      this.failure = error
    }
    for (const listener of this.#listeners) listener(dir, frame)
  }
}

/** The pictures of a job that people look at, in frame order. */
export function pngsOf({ frames }: PictureDir): string[] {
  return [...frames]
    .sort(([a], [b]) => a - b)
    .flatMap(([, paths]) => paths.filter(path => path.endsWith('.png')).slice(0, 1))
}
