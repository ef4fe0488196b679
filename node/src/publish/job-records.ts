import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { JobId, JobSpec } from '@rayswarm/interface'
import { RayswarmError } from '@rayswarm/interface'
import { jobIdOf } from '@rayswarm/wire'
import { readJson, writeWhole } from '../disk.ts'

/** What a creator remembers of a job it published: where its pictures go, and whether it is over. */
export interface JobRecord {
  readonly job: JobId
  readonly name: string
  readonly outDir: string
  readonly settled: boolean
}

/** The jobs published from one data directory. */
export class JobRecords {
  readonly #dir: string
  readonly #records = new Map<JobId, JobRecord>()

  private constructor(dir: string) {
    this.#dir = dir
  }

  static async open(dir: string): Promise<JobRecords> {
    const records = new JobRecords(join(dir, 'jobs'))
    for (const name of await readdir(records.#dir).catch(() => [])) {
      if (!name.endsWith('.json')) continue
      const record = (await readJson(join(records.#dir, name), 'job record')) as JobRecord
      records.#records.set(record.job, record)
    }
    return records
  }

  get(job: JobId): JobRecord | undefined {
    return this.#records.get(job)
  }

  open(): readonly JobRecord[] {
    return [...this.#records.values()].filter(record => !record.settled)
  }

  async put(record: JobRecord): Promise<void> {
    this.#records.set(record.job, record)
    const text = `${JSON.stringify(record, undefined, 2)}\n`
    await writeWhole(join(this.#dir, `${record.job}.json`), text, { thing: 'job record' })
  }

  /**
   * The spec with the first nonce that was not settled yet.
   *
   * @throws {RayswarmError} `ERR_USAGE` when the job was settled and nobody asked for it `again`
   */
  unsettled(specOf: (nonce: number) => JobSpec, again: boolean): JobSpec {
    for (let nonce = 0; ; nonce++) {
      const spec = specOf(nonce)
      const record = this.get(jobIdOf(spec))
      if (record?.settled !== true) return spec
      if (again) continue
      throw new RayswarmError('ERR_USAGE', `this job was published and settled already: ${record.job}`, {
        thing: 'job',
        value: record.job,
        remedy: `Its pictures are in ${record.outDir}; publish it once more with --again.`
      })
    }
  }
}
