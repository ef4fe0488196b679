/** One rigid piece of the scene: triangles by material. */

import type { Document, Material, Mesh, Node } from '@gltf-transform/core'
import { Soup, type Vec3 } from './geometry.ts'
import type { MaterialName } from './materials.ts'

export class Part {
  readonly #soups = new Map<MaterialName, Soup>()

  of(material: MaterialName): Soup {
    let soup = this.#soups.get(material)
    if (soup === undefined) {
      soup = new Soup()
      this.#soups.set(material, soup)
    }
    return soup
  }

  add(other: Part, ...maps: ((p: Vec3) => Vec3)[]): this {
    for (const [material, soup] of other.#soups) this.of(material).add(soup, ...maps)
    return this
  }

  get triangleCount(): number {
    return [...this.#soups.values()].reduce((sum, soup) => sum + soup.triangleCount, 0)
  }

  entries(): Iterable<[MaterialName, Soup]> {
    return this.#soups
  }
}

/** Puts parts into a glTF document. */
export class Stage {
  readonly document: Document
  readonly #materials: ReadonlyMap<MaterialName, Material>
  readonly #meshes = new Map<Part, Mesh>()
  triangleCount = 0

  constructor(document: Document, materials: ReadonlyMap<MaterialName, Material>) {
    this.document = document
    this.#materials = materials
  }

  /** The same part gives the same mesh: instances cost a node each. */
  #mesh(name: string, part: Part): Mesh {
    const known = this.#meshes.get(part)
    if (known !== undefined) return known
    const mesh = this.document.createMesh(name)
    for (const [name, soup] of part.entries()) {
      const material = this.#materials.get(name)!
      const arrays = soup.mesh()
      const primitive = this.document
        .createPrimitive()
        .setMaterial(material)
        .setAttribute('POSITION', this.#accessor(arrays.positions, 'VEC3'))
        .setAttribute('NORMAL', this.#accessor(arrays.normals, 'VEC3'))
        .setIndices(this.#accessor(narrow(arrays.indices), 'SCALAR'))
      if (isTextured(material)) primitive.setAttribute('TEXCOORD_0', this.#accessor(arrays.uvs, 'VEC2'))
      mesh.addPrimitive(primitive)
    }
    this.#meshes.set(part, mesh)
    return mesh
  }

  /** A node showing `part`, or just a pivot when there is none. */
  node(name: string, parent: Node | undefined, part?: Part): Node {
    const node = this.document.createNode(name)
    parent?.addChild(node)
    if (part !== undefined) {
      node.setMesh(this.#mesh(name, part))
      this.triangleCount += part.triangleCount
    }
    return node
  }

  #accessor(array: Float32Array | Uint32Array | Uint16Array, type: 'SCALAR' | 'VEC2' | 'VEC3') {
    const buffer = this.document.getRoot().listBuffers()[0]!
    return this.document
      .createAccessor()
      .setBuffer(buffer)
      .setType(type)
      .setArray(array as Float32Array<ArrayBuffer>)
  }
}

const narrow = (indices: Uint32Array) =>
  indices.every(i => i < 0xffff) ? Uint16Array.from(indices) : indices

const isTextured = (m: Material) =>
  [
    m.getBaseColorTexture(),
    m.getNormalTexture(),
    m.getEmissiveTexture(),
    m.getMetallicRoughnessTexture()
  ].some(texture => texture !== null)
