import type { Document } from '@gltf-transform/core'
import type { Light } from '@gltf-transform/extensions'
import { RayswarmError } from '@rayswarm/interface'
import { exp2, tan } from './exact-math.ts'
import { type GltfFile, sceneExtras } from './gltf-file.ts'
import { normalized, type Vec3 } from './matrix.ts'
import type { PreparedCamera, PreparedSky, PunctualLight } from './prepared.ts'
import type { Tree } from './tree.ts'

const SUN_ANGULAR_RADIUS = 0.00465
const CLAMP_INDIRECT = 4
const EXPOSURE_STOPS_MAX = 32

/** The sky of a scene that has no light at all: a bright overcast day. */
const DEFAULT_SKY = { zenith: [0.5, 0.6, 0.8], horizon: [0.9, 0.9, 0.9], ground: [0.25, 0.24, 0.22] } as const

function invalid(field: string, value: unknown, remedy: string): RayswarmError {
  return new RayswarmError('ERR_SCENE_UNSUPPORTED', `extras.rayswarm.${field} of the scene is not valid`, {
    thing: `extras.rayswarm.${field}`,
    value,
    remedy
  })
}

function numberAt(owner: Record<string, unknown>, key: string, field: string, fallback: number): number {
  const value = owner[key] ?? fallback
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw invalid(field, value, 'Give a finite number.')
}

function tripleAt(owner: Record<string, unknown>, key: string, field: string, fallback: Vec3): Vec3 {
  const value = owner[key] ?? fallback
  if (
    Array.isArray(value) &&
    value.length === 3 &&
    value.every(v => typeof v === 'number' && Number.isFinite(v))
  )
    return [value[0], value[1], value[2]]
  throw invalid(field, value, 'Give three finite numbers.')
}

function record(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
}

/** How the environment image is used: times `intensity`, turned about +Y by `rotation` radians. */
export function environmentSetting(file: GltfFile): { intensity: number; rotation: number } {
  const given = record(sceneExtras(file.json).environment) ?? {}
  return {
    intensity: numberAt(given, 'intensity', 'environment.intensity', 1),
    rotation: numberAt(given, 'rotation', 'environment.rotation', 0)
  }
}

/** Sky, sun, exposure and bounds, from the extras of the scene. */
export function readSky(
  file: GltfFile,
  hasLight: boolean,
  map: { edge: number; mean: number } | undefined
): PreparedSky {
  const extras = sceneExtras(file.json)
  const given = record(extras.sky)
  const sky = given ?? (hasLight || map !== undefined ? undefined : DEFAULT_SKY)
  const sun = record(given?.sun)
  const stops = numberAt(extras, 'exposure', 'exposure', 0)
  if (Math.abs(stops) > EXPOSURE_STOPS_MAX) throw invalid('exposure', stops, 'Give stops between -32 and 32.')
  const clamp = numberAt(extras, 'clampIndirect', 'clampIndirect', CLAMP_INDIRECT)
  const dark: Vec3 = [0, 0, 0]
  const colours = (sky ?? {}) as Record<string, unknown>
  const horizon = tripleAt(colours, 'horizon', 'sky.horizon', dark)
  return {
    kind: map !== undefined ? 'map' : sky !== undefined ? 'gradient' : 'none',
    zenith: tripleAt(colours, 'zenith', 'sky.zenith', horizon),
    horizon,
    ground: tripleAt(colours, 'ground', 'sky.ground', horizon),
    ...(sun === undefined
      ? {}
      : {
          sun: {
            direction: normalized(tripleAt(sun, 'direction', 'sky.sun.direction', [0, 1, 0])),
            colour: tripleAt(sun, 'colour', 'sky.sun.colour', [3, 3, 3]),
            angularRadius: numberAt(sun, 'angularRadius', 'sky.sun.angularRadius', SUN_ANGULAR_RADIUS)
          }
        }),
    mapEdge: map?.edge ?? 0,
    mapMean: map?.mean ?? 0,
    exposureScale: exp2(stops),
    clampIndirect: clamp > 0 ? clamp : 1e30
  }
}

export function readLights(tree: Tree): PunctualLight[] {
  return tree.sources.flatMap((source, node) => {
    const light = source.getExtension<Light>('KHR_lights_punctual')
    if (light === null) return []
    const [r, g, b] = light.getColor()
    const intensity = light.getIntensity()
    return [
      {
        node,
        kind: light.getType(),
        colour: [r * intensity, g * intensity, b * intensity] as const,
        range: light.getRange() ?? 0,
        innerConeAngle: light.getInnerConeAngle(),
        outerConeAngle: light.getOuterConeAngle()
      }
    ]
  })
}

function noCamera(value: string | undefined): RayswarmError {
  return new RayswarmError(
    'ERR_SCENE_UNSUPPORTED',
    value === undefined ? 'the scene has no camera' : `the scene has no camera node named ${value}`,
    {
      thing: 'camera',
      value: value ?? 'none',
      remedy: 'Export the scene with a perspective camera, and name that one in the job.'
    }
  )
}

/** The camera the job names, or the first of the scene. */
export function readCamera(_document: Document, tree: Tree, name: string | undefined): PreparedCamera {
  const node = tree.sources.findIndex(
    source =>
      source.getCamera() !== null &&
      (name === undefined || source.getName() === name || source.getCamera()!.getName() === name)
  )
  if (node < 0) throw noCamera(name)
  const camera = tree.sources[node]!.getCamera()!
  if (camera.getType() !== 'perspective') {
    throw new RayswarmError(
      'ERR_SCENE_UNSUPPORTED',
      `camera ${camera.getName()} is not a perspective camera`,
      {
        thing: 'camera',
        value: camera.getType(),
        remedy: 'Use a perspective camera.'
      }
    )
  }
  const extras = { ...lensExtras(camera.getExtras()), ...lensExtras(tree.sources[node]!.getExtras()) }
  const focusName = extras.focusNode
  const focusNode =
    typeof focusName === 'string' ? tree.nodes.findIndex(other => other.name === focusName) : -1
  if (typeof focusName === 'string' && focusNode < 0)
    throw invalid('focusNode', focusName, 'Name a node of the scene.')
  return {
    node,
    tanHalfFov: tan(camera.getYFov() / 2),
    apertureRadius: numberAt(extras, 'apertureRadius', 'apertureRadius', 0),
    focusDistance: numberAt(extras, 'focusDistance', 'focusDistance', 0),
    focusNode
  }
}

function lensExtras(extras: Record<string, unknown>): Record<string, unknown> {
  return { ...extras, ...record(extras.rayswarm) }
}
