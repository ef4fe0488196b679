import type { Channel, SceneNode } from './animation.ts'

/** Byte offsets of the sections inside {@link PreparedScene.bytes}. */
export interface Sections {
  readonly vertices: number
  readonly triangles: number
  readonly nodes: number
  readonly packets: number
  readonly materials: number
  readonly textures: number
  readonly texels: number
  readonly tables: number
  readonly emitters: number
  readonly environment: number
}

/** A tree of triangles, placed. */
export interface Placement {
  /** Scene node that moves it; -1 when it stands still and is stored in world space. */
  readonly node: number
  /** Offset of the root inside the nodes section. */
  readonly root: number
  /** Least corner, then greatest. */
  readonly bounds: readonly number[]
  readonly emission?: Emission
}

/** Emitting triangles of one tree. */
export interface Emission {
  readonly first: number
  readonly count: number
  readonly area: number
  readonly colour: readonly [number, number, number]
}

export interface PunctualLight {
  readonly node: number
  readonly kind: 'point' | 'spot' | 'directional'
  /** Colour times intensity: candela, or lux for directional lights. */
  readonly colour: readonly [number, number, number]
  /** Metres; 0 without a bound. */
  readonly range: number
  readonly innerConeAngle: number
  readonly outerConeAngle: number
}

export interface PreparedCamera {
  readonly node: number
  /** Tangent of half the vertical field of view. */
  readonly tanHalfFov: number
  readonly apertureRadius: number
  readonly focusDistance: number
  /** Node that stays sharp; replaces the distance. -1 without one. */
  readonly focusNode: number
}

export interface PreparedSky {
  readonly kind: 'none' | 'gradient' | 'map'
  readonly zenith: readonly [number, number, number]
  readonly horizon: readonly [number, number, number]
  readonly ground: readonly [number, number, number]
  readonly sun?: {
    /** Towards the sun, unit length. */
    readonly direction: readonly [number, number, number]
    /** Irradiance at normal incidence. */
    readonly colour: readonly [number, number, number]
    readonly angularRadius: number
  }
  /** Edge of the environment map's square, and its mean luminance. */
  readonly mapEdge: number
  readonly mapMean: number
  readonly exposureScale: number
  readonly clampIndirect: number
}

/** A scene in the form the kernel reads, shared between threads, and what changes it from frame to frame. */
export interface PreparedScene {
  readonly bytes: SharedArrayBuffer
  readonly sections: Sections
  readonly nodes: readonly SceneNode[]
  readonly channels: readonly Channel[]
  readonly placements: readonly Placement[]
  readonly lights: readonly PunctualLight[]
  readonly camera: PreparedCamera
  readonly sky: PreparedSky
  readonly triangleCount: number
}
