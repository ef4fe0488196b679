import type { Animation, Document, Node } from '@gltf-transform/core'
import type { Channel, SceneNode } from './animation.ts'
import type { GltfFile } from './gltf-file.ts'
import { ofColumns } from './matrix.ts'

/** The nodes of the scene that is shown, parents first, and what moves them. */
export interface Tree {
  readonly nodes: readonly SceneNode[]
  /** The document's nodes in the same order. */
  readonly sources: readonly Node[]
  readonly indexOf: ReadonlyMap<Node, number>
  readonly channels: readonly Channel[]
}

const PATHS = new Set(['translation', 'rotation', 'scale'])

export function readTree(document: Document, file: GltfFile): Tree {
  const root = document.getRoot()
  const scene = root.getDefaultScene() ?? root.listScenes()[0]
  const all = root.listNodes()
  const fileIndex = new Map(all.map((node, index) => [node, index]))
  const nodes: SceneNode[] = []
  const sources: Node[] = []
  const indexOf = new Map<Node, number>()
  const visit = (node: Node, parent: number): void => {
    if (indexOf.has(node)) return
    const index = nodes.length
    indexOf.set(node, index)
    sources.push(node)
    const columns = file.json.nodes?.[fileIndex.get(node)!]?.matrix
    nodes.push({
      name: node.getName(),
      parent,
      translation: node.getTranslation(),
      rotation: node.getRotation(),
      scale: node.getScale(),
      ...(columns === undefined ? {} : { matrix: ofColumns(columns) })
    })
    for (const child of node.listChildren()) visit(child, index)
  }
  for (const node of scene?.listChildren() ?? []) visit(node, -1)
  return { nodes, sources, indexOf, channels: root.listAnimations().flatMap(a => channelsOf(a, indexOf)) }
}

function channelsOf(animation: Animation, indexOf: ReadonlyMap<Node, number>): Channel[] {
  const channels: Channel[] = []
  for (const channel of animation.listChannels()) {
    const target = channel.getTargetNode()
    const path = channel.getTargetPath()
    const sampler = channel.getSampler()
    const node = target === null ? undefined : indexOf.get(target)
    const times = sampler?.getInput()
    const values = sampler?.getOutput()
    if (node === undefined || path === null || !PATHS.has(path) || !times || !values || !sampler) continue
    if (times.getCount() === 0) continue
    channels.push({
      node,
      path: path as Channel['path'],
      interpolation: sampler.getInterpolation(),
      times: floats(times),
      values: floats(values)
    })
  }
  return channels
}

/** An accessor's values as floats, normalised integers decoded. */
export function floats(accessor: {
  getArray(): ArrayLike<number> | null
  getElement(index: number, target: number[]): number[]
  getCount(): number
  getElementSize(): number
  getNormalized(): boolean
}): Float32Array {
  const array = accessor.getArray()
  if (array instanceof Float32Array) return array
  const size = accessor.getElementSize()
  const out = new Float32Array(accessor.getCount() * size)
  if (!accessor.getNormalized()) return array === null ? out : Float32Array.from(array)
  const element: number[] = []
  for (let i = 0; i < accessor.getCount(); i++) out.set(accessor.getElement(i, element), i * size)
  return out
}
