import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { access, constants, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { isRayswarmError, RayswarmError } from '@rayswarm/interface'

/** Ending of a file that is not complete yet. */
const PARTIAL = '.partial'
const CAUSE_DEPTH_MAX = 8

const partials = new Set<string>()
let cleansUp = false

/** Our error for what the file system threw. */
export function diskFailure(error: unknown, thing: string, path: string): unknown {
  if (isRayswarmError(error)) return error
  const { code = '', message = '' } = (error ?? {}) as NodeJS.ErrnoException
  if (/ENOSPC|EDQUOT|No space left/i.test(`${code} ${message}`))
    return new RayswarmError('ERR_DISK_FULL', `no space left for ${thing} ${path}`, {
      thing,
      value: path,
      remedy: 'Free space on that disk, or choose a place on another one.',
      cause: error
    })
  if (code === 'ENOENT')
    return new RayswarmError('ERR_FILE_MISSING', `${thing} ${path} does not exist`, {
      thing,
      value: path,
      remedy: 'Check the path.',
      cause: error
    })
  if (/^(EACCES|EPERM|EROFS|ENOTDIR|EISDIR|EEXIST)$/.test(code))
    return new RayswarmError('ERR_NOT_WRITABLE', `${thing} ${path} cannot be used (${code})`, {
      thing,
      value: path,
      remedy: 'Choose a place that this user may read and write.',
      cause: error
    })
  return error
}

/** Our error when a full disk lies at the bottom of what a library threw. */
export function diskFullAmong(error: unknown, thing: string, path: string): RayswarmError | undefined {
  for (let cause = error, depth = 0; cause instanceof Error && depth < CAUSE_DEPTH_MAX; depth++) {
    const failure = diskFailure(isRayswarmError(cause) ? undefined : cause, thing, path)
    if (isRayswarmError(failure) && failure.code === 'ERR_DISK_FULL') return failure
    cause = cause.cause
  }
  return undefined
}

/** Write a file so that, at any instant, either all of it is there or nothing is. */
export async function writeWhole(
  path: string,
  bytes: Uint8Array | string,
  options: { readonly thing: string; readonly mode?: number }
): Promise<void> {
  const partial = partialPath(path)
  try {
    await mkdir(dirname(path), { recursive: true })
    const file = await open(partial, 'wx', options.mode ?? 0o644)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(partial, path)
  } catch (error) {
    await rm(partial, { force: true }).catch(() => {})
    throw diskFailure(error, options.thing, path)
  } finally {
    partials.delete(partial)
  }
}

/** A name beside `path` for what will become it. Removed with the process, whatever ends it short of SIGKILL. */
export function partialPath(path: string): string {
  const partial = join(dirname(path), `.${basename(path)}.${randomUUID().slice(0, 8)}${PARTIAL}`)
  if (!cleansUp) {
    cleansUp = true
    process.on('exit', () => {
      for (const path of partials) rmSync(path, { force: true })
    })
  }
  partials.add(partial)
  return partial
}

/** Move what was written under a partial name to its place. */
export async function completePartial(partial: string, path: string): Promise<void> {
  try {
    await rename(partial, path)
  } finally {
    partials.delete(partial)
  }
}

/** Remove what a killed process left half-written in a directory. */
export async function sweepPartials(dir: string): Promise<void> {
  const names = await readdir(dir).catch(() => [])
  for (const name of names)
    if (name.startsWith('.') && name.endsWith(PARTIAL)) await rm(join(dir, name), { force: true })
}

/**
 * Make sure that a directory exists and can be written to.
 *
 * @throws {RayswarmError} `ERR_NOT_WRITABLE`, `ERR_DISK_FULL`
 */
export async function requireWritable(dir: string, thing: string): Promise<void> {
  try {
    await mkdir(dir, { recursive: true })
    await access(dir, constants.W_OK)
  } catch (error) {
    throw diskFailure(error, thing, dir)
  }
  // A full disk lets a directory be made, but no byte be written.
  const probe = join(dir, '.probe')
  await writeWhole(probe, new Uint8Array(4_096), { thing })
  await rm(probe, { force: true })
}

/**
 * Read a JSON file.
 *
 * @throws {RayswarmError} `ERR_FILE_MISSING`; `ERR_USAGE` when it is not JSON
 */
export async function readJson(path: string, thing: string): Promise<unknown> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw diskFailure(error, thing, path)
  }
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new RayswarmError('ERR_USAGE', `${thing} ${path} is not JSON: ${(cause as Error).message}`, {
      thing,
      value: path,
      remedy: 'Correct the file.',
      cause
    })
  }
}
