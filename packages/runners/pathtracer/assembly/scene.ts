// Where the current scene lies. Set once per frame from the header the host wrote.
import {
  HEAD_CAMERA,
  HEAD_EMITTERS,
  HEAD_ENVIRONMENT,
  HEAD_INSTANCES,
  HEAD_INSTANCE_COUNT,
  HEAD_LIGHTS,
  HEAD_LIGHT_COUNT,
  HEAD_MATERIALS,
  HEAD_NODES,
  HEAD_PACKETS,
  HEAD_SCRATCH,
  HEAD_SKY,
  HEAD_TABLES,
  HEAD_TEXELS,
  HEAD_TEXTURES,
  HEAD_TOP_NODES,
  HEAD_TRIANGLES,
  HEAD_VERTICES
} from './layout'

export let vertices: usize = 0
export let triangles: usize = 0
export let nodes: usize = 0
export let packets: usize = 0
export let materials: usize = 0
export let textures: usize = 0
export let texels: usize = 0
export let tables: usize = 0
export let instances: usize = 0
export let instanceCount: i32 = 0
export let topNodes: usize = 0
export let lights: usize = 0
export let lightCount: i32 = 0
export let emitters: usize = 0
export let camera: usize = 0
export let sky: usize = 0
export let environment: usize = 0
export let scratch: usize = 0

export function readHeader(head: usize): void {
  vertices = load<u32>(head, HEAD_VERTICES)
  triangles = load<u32>(head, HEAD_TRIANGLES)
  nodes = load<u32>(head, HEAD_NODES)
  packets = load<u32>(head, HEAD_PACKETS)
  materials = load<u32>(head, HEAD_MATERIALS)
  textures = load<u32>(head, HEAD_TEXTURES)
  texels = load<u32>(head, HEAD_TEXELS)
  tables = load<u32>(head, HEAD_TABLES)
  instances = load<u32>(head, HEAD_INSTANCES)
  instanceCount = load<i32>(head, HEAD_INSTANCE_COUNT)
  topNodes = load<u32>(head, HEAD_TOP_NODES)
  lights = load<u32>(head, HEAD_LIGHTS)
  lightCount = load<i32>(head, HEAD_LIGHT_COUNT)
  emitters = load<u32>(head, HEAD_EMITTERS)
  camera = load<u32>(head, HEAD_CAMERA)
  sky = load<u32>(head, HEAD_SKY)
  environment = load<u32>(head, HEAD_ENVIRONMENT)
  scratch = load<u32>(head, HEAD_SCRATCH)
}
