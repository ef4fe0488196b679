import { RayswarmError } from '@rayswarm/interface'
import { z } from 'zod'
import { framesEmpty } from './frames.ts'

/** Fields whose remedy says more than the rule that was broken. */
const REMEDIES: Readonly<Record<string, string>> = {
  split: 'Raise split.framesPerSubtask, or change split.tileColumns, split.tileRows or split.sampleRanges.',
  frames: 'Write frames like "1-24,30"; split a job of many scattered frames into several jobs.',
  pricePerMegaUnitMax: 'Write the price as text in tokens with at most 6 decimals, e.g. "0.05".'
}
/** Names further apart are not taken for one another. */
const EDIT_DISTANCE_MAX = 4

/**
 * Judge what a person wrote. Returns the parsed value.
 *
 * @param thing what the value is, e.g. `job file`
 * @throws {RayswarmError} naming the first offending field, its value and the remedy
 */
export function parseOrThrow<T>(schema: z.ZodType<T>, value: unknown, thing: string): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  // The spec's own fields lie under `work`; the job file has them at the top.
  const field = issue.path
    .join('.')
    .replace(/^work\.(?=.)/, '')
    .replace(/^frames\..*/, 'frames')
  const offending = valueAt(value, issue.path)
  if (issue.code === 'unrecognized_keys') throw unknownField(schema, issue, thing, offending)
  if (field === 'frames' && (offending === '' || (Array.isArray(offending) && offending.length === 0)))
    throw framesEmpty(offending)
  if ((field === 'scene' || field === 'entry') && escapes(offending)) throw pathEscapes(offending)
  throw invalidField(field, offending, issue.message, thing)
}

/** The error of one bad field. */
export function invalidField(field: string, value: unknown, rule: string, thing: string): RayswarmError {
  const name = field === '' ? thing : field
  const message =
    value === undefined
      ? `${thing}: ${name} is missing`
      : `${thing}: ${name} is ${printed(value)}, but ${rule}`
  const remedy =
    REMEDIES[field] ??
    (rule.startsWith('must be ') ? `Set ${name} to ${rule.slice(8)}.` : `Change ${name}: it ${rule}.`)
  return new RayswarmError('ERR_JOB_INVALID', message, { thing: name, value, remedy })
}

function unknownField(
  schema: z.ZodType,
  issue: z.core.$ZodIssueUnrecognizedKeys,
  thing: string,
  parent: unknown
): RayswarmError {
  const key = issue.keys[0]!
  const known = knownFields(schema, issue.path)
  const nearest = known
    .map(candidate => ({ candidate, distance: editDistance(candidate.toLowerCase(), key.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0]
  const field = [...issue.path, key].join('.')
  const remedy =
    nearest !== undefined && nearest.distance <= EDIT_DISTANCE_MAX
      ? `Did you mean ${[...issue.path, nearest.candidate].join('.')}? Known fields: ${known.join(', ')}.`
      : `Remove it. Known fields: ${known.join(', ')}.`
  return new RayswarmError('ERR_JOB_INVALID', `${thing}: there is no field ${printed(field)}`, {
    thing: field,
    value: (parent as Record<string, unknown> | undefined)?.[key],
    remedy
  })
}

/** Names of the fields of the object at a path of the schema. */
function knownFields(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at: unknown = schema
  for (const step of path) {
    at = bare(at)
    at =
      at instanceof z.ZodObject ? at.shape[String(step)] : at instanceof z.ZodArray ? at.element : undefined
  }
  at = bare(at)
  return at instanceof z.ZodObject ? Object.keys(at.shape) : []
}

function bare(schema: unknown): unknown {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodExactOptional ? schema.unwrap() : schema
}

function pathEscapes(path: unknown): RayswarmError {
  return new RayswarmError('ERR_PATH_ESCAPES', `scene path ${printed(path)} leaves the job's directory`, {
    thing: 'scene',
    value: path,
    remedy:
      'Put the scene beside or below the job file and name it by a relative path with / between its parts.'
  })
}

function escapes(path: unknown): boolean {
  return typeof path === 'string' && (/^(?:[/\\]|[A-Za-z]:)/.test(path) || path.split(/[/\\]/).includes('..'))
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value
  for (const step of path) {
    if (typeof at !== 'object' || at === null) return undefined
    at = (at as Record<PropertyKey, unknown>)[step]
  }
  return at
}

/** A value as one short piece of text: it may be anything a person wrote. */
function printed(value: unknown): string {
  const text = typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? typeof value)
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}

/** Levenshtein distance. Both texts are field names; keys a person wrote are cut at a length no name has. */
function editDistance(a: string, b: string): number {
  const text = b.slice(0, 64)
  let row = Array.from({ length: text.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= text.length; j++) {
      const swap = row[j - 1]! + (a[i - 1] === text[j - 1] ? 0 : 1)
      next.push(Math.min(swap, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[text.length]!
}
