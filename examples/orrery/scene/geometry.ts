/** Triangles before they become meshes. Y is up; faces are counter-clockwise seen from outside. */

export type Vec3 = readonly [number, number, number]
export type Vec2 = readonly [number, number]

export const TAU = Math.PI * 2

/** What a glTF primitive needs. */
export interface MeshArrays {
  readonly positions: Float32Array
  readonly normals: Float32Array
  readonly uvs: Float32Array
  readonly indices: Uint32Array
}

export const add = (a: Vec3, b: Vec3): Vec3 => [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
export const subtract = (a: Vec3, b: Vec3): Vec3 => [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
export const scale = (a: Vec3, s: number): Vec3 => [a[0] * s, a[1] * s, a[2] * s]
export const dot = (a: Vec3, b: Vec3): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
export const length = (a: Vec3): number => Math.sqrt(dot(a, a))
export const cross = (a: Vec3, b: Vec3): Vec3 => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0]
]

export function normalize(a: Vec3): Vec3 {
  const l = length(a)
  return l > 0 ? scale(a, 1 / l) : [0, 1, 0]
}

/** Point at `angle` on a circle about the Y axis: 0 is +Z, a quarter turn is +X. */
export const polar = (radius: number, angle: number, y = 0): Vec3 => [
  radius * Math.sin(angle),
  y,
  radius * Math.cos(angle)
]

export const moved = (by: Vec3) => (p: Vec3) => add(p, by)

export const turnedY =
  (angle: number) =>
  (p: Vec3): Vec3 => {
    const s = Math.sin(angle)
    const c = Math.cos(angle)
    return [p[0] * c + p[2] * s, p[1], p[2] * c - p[0] * s]
  }

export const turnedX =
  (angle: number) =>
  (p: Vec3): Vec3 => {
    const s = Math.sin(angle)
    const c = Math.cos(angle)
    return [p[0], p[1] * c - p[2] * s, p[1] * s + p[2] * c]
  }

const NO_UV: Vec2 = [0, 0]

/** Triangles without shared vertices. Normals come last, in {@link Soup.mesh}, so shapes may be bent freely. */
export class Soup {
  readonly corners: Vec3[] = []
  readonly uvs: Vec2[] = []

  get triangleCount(): number {
    return this.corners.length / 3
  }

  triangle(a: Vec3, b: Vec3, c: Vec3, ua: Vec2 = NO_UV, ub: Vec2 = NO_UV, uc: Vec2 = NO_UV): this {
    if (length(cross(subtract(b, a), subtract(c, a))) < 1e-12) return this
    this.corners.push(a, b, c)
    this.uvs.push(ua, ub, uc)
    return this
  }

  quad(a: Vec3, b: Vec3, c: Vec3, d: Vec3, ua = NO_UV, ub = NO_UV, uc = NO_UV, ud = NO_UV): this {
    return this.triangle(a, b, c, ua, ub, uc).triangle(a, c, d, ua, uc, ud)
  }

  /** Appends `other`, each corner sent through `maps` in order. Maps must not mirror. */
  add(other: Soup, ...maps: ((p: Vec3) => Vec3)[]): this {
    for (let i = 0; i < other.corners.length; i++) {
      this.corners.push(maps.reduce((p, map) => map(p), other.corners[i]!))
      this.uvs.push(other.uvs[i]!)
    }
    return this
  }

  /** Replaces the texture coordinates by a function of position. */
  mapped(uv: (p: Vec3) => Vec2): this {
    for (let i = 0; i < this.corners.length; i++) this.uvs[i] = uv(this.corners[i]!)
    return this
  }

  /** Shares vertices and smooths normals across edges flatter than `creaseDegrees`. */
  mesh(creaseDegrees = 38): MeshArrays {
    const normals = smoothNormals(this.corners, creaseDegrees)
    const positions: number[] = []
    const normalsOut: number[] = []
    const uvs: number[] = []
    const indices: number[] = []
    const seen = new Map<string, number>()
    for (let i = 0; i < this.corners.length; i++) {
      const values = [
        ...rounded(this.corners[i]!, 1e5),
        ...rounded(normals[i]!, 1e4),
        ...rounded(this.uvs[i]!, 1e5)
      ]
      const key = values.join()
      let index = seen.get(key)
      if (index === undefined) {
        index = seen.size
        seen.set(key, index)
        positions.push(values[0]!, values[1]!, values[2]!)
        normalsOut.push(...normalize([values[3]!, values[4]!, values[5]!]))
        uvs.push(values[6]!, values[7]!)
      }
      indices.push(index)
    }
    return {
      positions: Float32Array.from(positions),
      normals: Float32Array.from(normalsOut),
      uvs: Float32Array.from(uvs),
      indices: Uint32Array.from(indices)
    }
  }
}

/** Snapped to a grid, so that the last bits of sines do not reach the file. */
function rounded(values: readonly number[], perUnit: number): number[] {
  return values.map(v => Math.round(v * perUnit) / perUnit + 0)
}

function smoothNormals(corners: readonly Vec3[], creaseDegrees: number): Vec3[] {
  const faces: Vec3[] = []
  for (let i = 0; i < corners.length; i += 3) {
    faces.push(cross(subtract(corners[i + 1]!, corners[i]!), subtract(corners[i + 2]!, corners[i]!)))
  }
  const units = faces.map(normalize)
  const around = new Map<string, number[]>()
  const keys = corners.map(p => rounded(p, 1e5).join())
  for (let i = 0; i < corners.length; i++) {
    const list = around.get(keys[i]!)
    if (list === undefined) around.set(keys[i]!, [i])
    else list.push(i)
  }
  const cosine = Math.cos((creaseDegrees * Math.PI) / 180)
  return corners.map((_, i) => {
    const own = units[Math.floor(i / 3)]!
    let sum: Vec3 = [0, 0, 0]
    for (const j of around.get(keys[i]!)!) {
      const face = Math.floor(j / 3)
      if (dot(units[face]!, own) >= cosine) sum = add(sum, scale(units[face]!, cornerAngle(corners, j)))
    }
    return normalize(sum)
  })
}

/** Angle of the triangle at corner `i`: the weight that makes normals independent of the triangulation. */
function cornerAngle(corners: readonly Vec3[], i: number): number {
  const first = i - (i % 3)
  const p = corners[i]!
  const a = normalize(subtract(corners[first + ((i + 1) % 3)]!, p))
  const b = normalize(subtract(corners[first + ((i + 2) % 3)]!, p))
  return Math.acos(Math.min(1, Math.max(-1, dot(a, b))))
}
