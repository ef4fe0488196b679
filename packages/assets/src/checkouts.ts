import { randomUUID } from 'node:crypto'
import { chmod, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Checkout, Cid } from '@rayswarm/interface'

const READ_ONLY_MODE = 0o444

/** Writes the files of one checkout. */
export interface CheckoutWriter {
  /** Write one file. `path` has passed `checkPaths`. */
  write(path: string, content: AsyncIterable<Uint8Array>): Promise<void>
}

/** Directories with the files of manifests. None outlives the process that made it. */
export class Checkouts {
  readonly #dir: string
  readonly #draftsDir: string

  constructor(dir: string) {
    this.#dir = dir
    this.#draftsDir = join(dir, '.drafts')
  }

  /** Delete what a crash left: nobody holds the checkouts of an earlier process. */
  async open(): Promise<void> {
    await rm(this.#dir, { recursive: true, force: true })
    await mkdir(this.#draftsDir, { recursive: true })
  }

  /** Let `fill` write a directory that appears complete or not at all. */
  async create(cid: Cid, fill: (writer: CheckoutWriter) => Promise<void>): Promise<Checkout> {
    const name = `${cid}-${randomUUID()}`
    const draft = join(this.#draftsDir, name)
    const dir = join(this.#dir, name)
    try {
      await mkdir(draft)
      await fill({ write: (path, content) => writeFile(join(draft, ...path.split('/')), content) })
      await rename(draft, dir)
    } catch (error) {
      await rm(draft, { recursive: true, force: true })
      throw error
    }
    return { dir, release: () => rm(dir, { recursive: true, force: true }) }
  }
}

async function writeFile(file: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  // `wx` refuses to write through anything that is already there.
  const handle = await open(file, 'wx')
  try {
    for await (const bytes of content) await handle.appendFile(bytes)
  } finally {
    await handle.close()
  }
  await chmod(file, READ_ONLY_MODE)
}
