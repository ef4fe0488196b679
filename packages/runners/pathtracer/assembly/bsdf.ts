// How the surface under `surface` scatters: GGX over diffuse, mixed with a GGX dielectric for transmission.
import { ALBEDO_EDGE } from './layout'
import { cosine, INVERSE_PI, least, most, PI, pow5, sincos, sine } from './math'
import { draw, randomX, randomY } from './random'
import * as scene from './scene'
import * as s from './surface'
import * as v from './vec'

let view: v128 = i64x2.splat(0)
let cosView: f32 = 0
let alpha2: f32 = 0
let lambdaView: f32 = 0
let specularF0: v128 = i64x2.splat(0)
/** Energy that bounces between microfacets before it leaves (Turquin 2019). */
let boost: v128 = i64x2.splat(0)
let diffuse: v128 = i64x2.splat(0)
let shareSpecular: f32 = 0
let shareGlass: f32 = 0
/** Index of refraction of the far side over that of the near side. */
let eta: f32 = 1

/** Result of `evaluate`: pdf of `sampleDirection` for that direction, in solid angle. */
export let density: f32 = 0
/** Result of `sampleDirection`. */
export let sampled: v128 = i64x2.splat(0)
export let weight: v128 = i64x2.splat(0)
export let sampledDelta: bool = false

let albedoScale: f32 = 0
let albedoBias: f32 = 0

/** Split-sum albedo of GGX at cosine `mu`: F0 × scale + bias. */
function albedo(mu: f32, roughness: f32): void {
  const edge: f32 = <f32>ALBEDO_EDGE
  const px: f32 = least(most(mu, 0), 1) * (edge - 1)
  const py: f32 = least(most(roughness, 0), 1) * (edge - 1)
  const i = <i32>px
  const j = <i32>py
  const i1 = i + 1 < ALBEDO_EDGE ? i + 1 : i
  const j1 = j + 1 < ALBEDO_EDGE ? j + 1 : j
  const fx = px - <f32>i
  const fy = py - <f32>j
  const t = scene.tables
  const a = t + (<usize>(j * ALBEDO_EDGE + i) << 3)
  const b = t + (<usize>(j * ALBEDO_EDGE + i1) << 3)
  const c = t + (<usize>(j1 * ALBEDO_EDGE + i) << 3)
  const d = t + (<usize>(j1 * ALBEDO_EDGE + i1) << 3)
  const s0 = load<f32>(a) + (load<f32>(b) - load<f32>(a)) * fx
  const s1 = load<f32>(c) + (load<f32>(d) - load<f32>(c)) * fx
  albedoScale = s0 + (s1 - s0) * fy
  const b0 = load<f32>(a, 4) + (load<f32>(b, 4) - load<f32>(a, 4)) * fx
  const b1 = load<f32>(c, 4) + (load<f32>(d, 4) - load<f32>(c, 4)) * fx
  albedoBias = b0 + (b1 - b0) * fy
}

/** Prepare for the current surface seen from `toViewer`. */
export function prepare(toViewer: v128): void {
  view = toViewer
  cosView = most(v.dot(s.normal, toViewer), <f32>0.0001)
  alpha2 = s.alpha * s.alpha
  lambdaView = lambda(cosView)
  shareGlass = s.transmission
  eta = s.fromBack && s.solid ? 1 / s.ior : s.ior
  const whole = f32x4.splat(1)
  specularF0 = v.mix(f32x4.splat(s.f0), s.base, s.metallic)
  if (s.smooth) {
    const f = pow5(1 - cosView)
    albedoScale = 1 - f
    albedoBias = f
  } else {
    albedo(cosView, sqrt<f32>(s.alpha))
  }
  const e = albedoScale + albedoBias
  const lost: f32 = (1 - e) / e
  boost = v.add(whole, v.scale(specularF0, lost))
  const dielectric: f32 = (s.f0 * albedoScale + albedoBias) * (1 + s.f0 * lost)
  diffuse = v.scale(s.base, (1 - s.metallic) * most(1 - dielectric, 0))
  const shine = v.maxOf(v.mul(v.add(v.scale(specularF0, albedoScale), f32x4.splat(albedoBias)), boost))
  const body = v.maxOf(diffuse)
  shareSpecular = body > 0 ? least(most(shine / (shine + body), <f32>0.1), <f32>0.95) : 1
}

/** False if only the exact mirror and refraction directions carry light. */
export function scatters(): bool {
  return !s.smooth || (shareGlass < 1 && shareSpecular < 1)
}

// @ts-ignore: decorator
@inline
function lambda(c: f32): f32 {
  const c2 = c * c
  return (sqrt<f32>(1 + (alpha2 * most(1 - c2, 0)) / c2) - 1) * <f32>0.5
}

/** Distribution of microfacet normals. */
// @ts-ignore: decorator
@inline
function facets(h: v128): f32 {
  const c = v.dot(s.normal, h)
  if (c <= 0) return 0
  const across = v.cross(s.normal, h)
  const t = c * c * alpha2 + v.dot(across, across)
  return alpha2 / (PI * t * t)
}

/** Fresnel reflectance of a dielectric at cosine `c`; 1 on total reflection. */
function fresnel(c: f32): f32 {
  const sin2: f32 = (1 - c * c) / (eta * eta)
  if (sin2 >= 1) return 1
  const ct: f32 = sqrt<f32>(1 - sin2)
  const parallel = (eta * c - ct) / (eta * c + ct)
  const perpendicular = (c - eta * ct) / (c + eta * ct)
  return <f32>0.5 * (parallel * parallel + perpendicular * perpendicular)
}

/** Reflectance of one thin sheet: all reflections between its faces. */
// @ts-ignore: decorator
@inline
function sheet(f: f32): f32 {
  return s.solid ? f : (2 * f) / (1 + f)
}

/** BSDF × cosine for light from `w`, without the exact directions. Sets `density`. */
export function evaluate(w: v128): v128 {
  density = 0
  let value = f32x4.splat(0)
  const c = v.dot(s.normal, w)
  const above = v.dot(s.flatNormal, w)
  if (c > 0 && above > 0) {
    if (shareGlass < 1) value = opaque(w, c)
    if (shareGlass > 0 && !s.smooth) value = v.add(value, v.scale(reflection(w, c), shareGlass))
  } else if (c < 0 && above < 0 && shareGlass > 0 && !s.smooth) {
    value = v.scale(s.solid ? refraction(w, c) : haze(w, c), shareGlass)
  }
  return value
}

function opaque(w: v128, c: f32): v128 {
  const share: f32 = 1 - shareGlass
  let value = v.scale(diffuse, c * INVERSE_PI)
  let p: f32 = (1 - shareSpecular) * c * INVERSE_PI
  if (!s.smooth) {
    const h = v.normalize(v.add(view, w))
    const d = facets(h)
    const vh = most(v.dot(view, h), 0)
    const f = v.mix(specularF0, f32x4.splat(1), pow5(1 - vh))
    const common = d / (4 * cosView)
    value = v.add(value, v.scale(v.mul(f, boost), common / (1 + lambdaView + lambda(c))))
    p += (shareSpecular * common) / (1 + lambdaView)
  }
  density += share * p
  return v.scale(value, share)
}

function reflection(w: v128, c: f32): v128 {
  const h = v.normalize(v.add(view, w))
  const vh = most(v.dot(view, h), 0)
  const f = sheet(fresnel(vh))
  const common = (f * facets(h)) / (4 * cosView)
  density += (shareGlass * common) / (1 + lambdaView)
  return f32x4.splat(common / (1 + lambdaView + lambda(c)))
}

/** Walter et al. 2007. Radiance is not scaled by eta²: entering and leaving cancel. */
function refraction(w: v128, c: f32): v128 {
  let h = v.normalize(v.along(view, w, eta))
  if (v.dot(h, s.normal) < 0) h = v.negate(h)
  const vh = v.dot(view, h)
  const wh = v.dot(w, h)
  if (vh <= 0 || wh >= 0) return f32x4.splat(0)
  const root = vh + eta * wh
  const jacobian = (eta * eta * -wh) / (root * root)
  const common: f32 = ((1 - fresnel(vh)) * facets(h) * vh * jacobian) / cosView
  if (!(common < <f32>1e20)) return f32x4.splat(0)
  density += (shareGlass * common) / (1 + lambdaView)
  return v.scale(s.base, common / (1 + lambdaView + lambda(-c)))
}

/** A thin rough sheet: the reflection lobe, mirrored to the far side. */
function haze(w: v128, c: f32): v128 {
  const mirrored = v.along(w, s.normal, -2 * c)
  const h = v.normalize(v.add(view, mirrored))
  const vh = most(v.dot(view, h), 0)
  const common: f32 = ((1 - sheet(fresnel(vh))) * facets(h)) / (4 * cosView)
  density += (shareGlass * common) / (1 + lambdaView)
  return v.scale(s.base, common / (1 + lambdaView + lambda(-c)))
}

/** A microfacet normal that is visible from the viewer (Dupuy, Benyoub 2023). */
function facetNormal(): v128 {
  if (s.smooth) return s.normal
  const n = s.normal
  const t = v.tangentOf(n)
  const b = v.cross(n, t)
  const local = v.normalize(v.vec(v.dot(view, t) * s.alpha, v.dot(view, b) * s.alpha, cosView))
  sincos(randomX)
  const z: f32 = (1 - randomY) * (1 + v.z(local)) - v.z(local)
  const r: f32 = sqrt<f32>(most(1 - z * z, 0))
  const cap = v.add(v.vec(r * cosine, r * sine, z), local)
  const h = v.normalize(v.vec(v.x(cap) * s.alpha, v.y(cap) * s.alpha, most(v.z(cap), <f32>1e-6)))
  return v.add(v.add(v.scale(t, v.x(h)), v.scale(b, v.y(h))), v.scale(n, v.z(h)))
}

// @ts-ignore: decorator
@inline
function mirror(h: v128): v128 {
  return v.normalize(v.sub(v.scale(h, 2 * v.dot(view, h)), view))
}

/** Draw a direction. `lobe` is a random number. False if the path ends here. */
export function sampleDirection(lobe: f32): bool {
  draw(1)
  sampledDelta = false
  if (lobe < shareGlass) return sampleGlass(lobe / shareGlass)
  const choice = (lobe - shareGlass) / (1 - shareGlass)
  if (choice < shareSpecular) {
    sampled = mirror(facetNormal())
    if (s.smooth) {
      sampledDelta = true
      density = 0
      const f = v.mix(specularF0, f32x4.splat(1), pow5(1 - cosView))
      weight = v.scale(v.mul(f, boost), 1 / shareSpecular)
      return v.dot(sampled, s.flatNormal) > 0
    }
  } else {
    sampled = cosineLobe()
  }
  return weigh()
}

function cosineLobe(): v128 {
  const t = v.tangentOf(s.normal)
  const b = v.cross(s.normal, t)
  sincos(randomX)
  const r = sqrt<f32>(randomY)
  const z = sqrt<f32>(most(1 - randomY, 0))
  return v.normalize(v.add(v.add(v.scale(t, r * cosine), v.scale(b, r * sine)), v.scale(s.normal, z)))
}

/** Weight of a direction drawn from one lobe, by the density of all of them. */
function weigh(): bool {
  const value = evaluate(sampled)
  if (!(density > <f32>1e-9)) return false
  weight = v.scale(value, 1 / density)
  return true
}

function sampleGlass(choice: f32): bool {
  const h = facetNormal()
  const vh = most(v.dot(view, h), <f32>0.00001)
  const f = sheet(fresnel(vh))
  if (choice < f) {
    sampled = mirror(h)
    if (!s.smooth) return weigh()
    sampledDelta = true
    density = 0
    weight = f32x4.splat(1)
    return v.dot(sampled, s.flatNormal) > 0
  }
  if (s.solid) {
    const ratio: f32 = 1 / eta
    const ct2: f32 = 1 - (1 - vh * vh) * ratio * ratio
    if (ct2 <= 0) return false
    sampled = v.normalize(v.sub(v.scale(h, ratio * vh - sqrt<f32>(ct2)), v.scale(view, ratio)))
  } else {
    const reflected = mirror(h)
    sampled = s.smooth ? v.negate(view) : v.along(reflected, s.normal, -2 * v.dot(reflected, s.normal))
  }
  if (!s.smooth) return weigh()
  sampledDelta = true
  density = 0
  weight = s.base
  return v.dot(sampled, s.flatNormal) < 0
}

/** Fill the albedo table by quadrature over the lobe itself. */
export function tabulate(tables: usize): void {
  const samples = 256
  for (let j = 0; j < ALBEDO_EDGE; j++) {
    const roughness: f32 = most(<f32>j, <f32>0.25) / <f32>(ALBEDO_EDGE - 1)
    const a = roughness * roughness
    alpha2 = a * a
    for (let i = 0; i < ALBEDO_EDGE; i++) {
      const mu: f32 = most(<f32>i, <f32>0.25) / <f32>(ALBEDO_EDGE - 1)
      const sinV = sqrt<f32>(1 - mu * mu)
      lambdaView = lambda(mu)
      const local = v.normalize(v.vec(sinV * a, 0, mu))
      let scaleSum: f64 = 0
      let biasSum: f64 = 0
      for (let k = 0; k < samples; k++) {
        const u1: f32 = (<f32>k + <f32>0.5) / <f32>samples
        const u2: f32 = <f32>((<u32>k * 2654435769) >> 8) * <f32>(1.0 / 16777216.0)
        sincos(u2)
        const z: f32 = (1 - u1) * (1 + v.z(local)) - v.z(local)
        const r: f32 = sqrt<f32>(most(1 - z * z, 0))
        const cap = v.add(v.vec(r * cosine, r * sine, z), local)
        const h = v.normalize(v.vec(v.x(cap) * a, v.y(cap) * a, most(v.z(cap), <f32>1e-6)))
        const vh: f32 = most(v.x(h) * sinV + v.z(h) * mu, 0)
        const cosLight: f32 = 2 * vh * v.z(h) - mu
        if (cosLight <= 0) continue
        const g: f32 = (1 + lambdaView) / (1 + lambdaView + lambda(cosLight))
        const f = pow5(1 - vh)
        scaleSum += <f64>(g * (1 - f))
        biasSum += <f64>(g * f)
      }
      const at = tables + (<usize>(j * ALBEDO_EDGE + i) << 3)
      store<f32>(at, <f32>(scaleSum / <f64>samples))
      store<f32>(at, <f32>(biasSum / <f64>samples), 4)
    }
  }
}
