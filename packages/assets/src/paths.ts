import { RayswarmError } from '@rayswarm/interface'

/** Longest path inside a manifest, in bytes of UTF-8. */
export const PATH_SIZE_BYTES_MAX = 1_024
/** Longest name in it: what common file systems take. */
const NAME_SIZE_BYTES_MAX = 255

/** Why a path may not stand in a manifest. */
export type PathFault =
  | 'empty'
  | 'too-long' // more bytes of UTF-8 than disks take, in all or in one name
  | 'not-text' // a lone surrogate: has no UTF-8 form
  | 'control-character' // NUL and its neighbours end a path or confuse a terminal
  | 'backslash' // a separator on some systems
  | 'absolute' // starts with '/', or a name of it with a drive letter
  | 'segment' // an empty, '.' or '..' segment
  | 'duplicate' // equal to another path, or equal to it once case is ignored
  | 'file-as-directory' // another path has this one as its directory

const CONTROL = /\p{Cc}/u
const LONE_SURROGATE = /\p{Cs}/u
// In any name: who resolves paths name by name would follow it there, too.
const DRIVE = /(^|\/)[a-z]:/i

/**
 * What is wrong with one path on its own, if anything.
 *
 * @see spec/assets.md#paths
 */
export function pathFault(path: string): PathFault | undefined {
  if (path === '') return 'empty'
  if (LONE_SURROGATE.test(path)) return 'not-text'
  const names = path.split('/')
  if (Buffer.byteLength(path) > PATH_SIZE_BYTES_MAX) return 'too-long'
  if (names.some(name => Buffer.byteLength(name) > NAME_SIZE_BYTES_MAX)) return 'too-long'
  if (CONTROL.test(path)) return 'control-character'
  if (path.includes('\\')) return 'backslash'
  if (path.startsWith('/') || DRIVE.test(path)) return 'absolute'
  if (names.some(name => name === '' || name === '.' || name === '..')) return 'segment'
  return undefined
}

/** The first path of a list that may not stand in one manifest with the others. */
export function pathsFault(paths: readonly string[]): { path: string; fault: PathFault } | undefined {
  const files = new Set<string>()
  const directories = new Set<string>()

  for (const path of paths) {
    const fault = pathFault(path)
    if (fault !== undefined) return { path, fault }

    // Disks of creators and nodes differ in what they take for the same name: refuse what would collide on any.
    const folded = path.normalize('NFC').toLowerCase()
    if (files.has(folded)) return { path, fault: 'duplicate' }
    if (directories.has(folded)) return { path, fault: 'file-as-directory' }
    for (let end = folded.indexOf('/'); end !== -1; end = folded.indexOf('/', end + 1)) {
      const directory = folded.slice(0, end)
      if (files.has(directory)) return { path, fault: 'file-as-directory' }
      directories.add(directory)
    }
    files.add(folded)
  }
  return undefined
}

const ESCAPES: ReadonlySet<PathFault> = new Set(['absolute', 'segment', 'backslash', 'control-character'])

/** Refuse a list of paths with the error a person can act on. */
export function checkPaths(paths: readonly string[]): void {
  const found = pathsFault(paths)
  if (found === undefined) return
  throw new RayswarmError(
    ESCAPES.has(found.fault) ? 'ERR_PATH_ESCAPES' : 'ERR_JOB_INVALID',
    `asset path is not allowed: ${found.fault}`,
    {
      thing: 'asset path',
      value: found.path,
      remedy: 'Use distinct relative paths with / between names and no . or .. in them.'
    }
  )
}
