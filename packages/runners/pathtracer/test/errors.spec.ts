import assert from 'node:assert/strict'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isRayswarmError, type JobSpec } from '@rayswarm/interface'
import { PathtracerRunner, sceneFiles } from '../src/index.ts'
import { inDirectory, jobSpec, Stage } from './stage.ts'

const MIB = 1024 * 1024
const ASSET = { version: '2.0' }

/** A glTF with one buffer and one image outside of it. */
function gltf(over: Record<string, unknown> = {}): Uint8Array {
  return Buffer.from(JSON.stringify({ asset: ASSET, scene: 0, scenes: [{ nodes: [] }], ...over }))
}

async function simple(): Promise<Uint8Array> {
  const stage = new Stage()
  stage.square(stage.material())
  stage.cameraAbove(2)
  return stage.glb()
}

type Files = Readonly<Record<string, Uint8Array>>

async function withFiles<T>(files: Files, use: (dir: string) => Promise<T>): Promise<T> {
  return inDirectory(async dir => {
    for (const [name, bytes] of Object.entries(files)) {
      await mkdir(dirname(join(dir, name)), { recursive: true })
      await writeFile(join(dir, name), bytes)
    }
    return use(dir)
  })
}

/** Opening must fail with `code`, and say which thing, which value and what to do. */
async function refuses(dir: string, code: string, spec: JobSpec, value?: unknown): Promise<string> {
  const runner = new PathtracerRunner({ concurrency: 1 })
  const failure = await runner.open(spec, dir).then(
    async session => {
      await session.close()
      return undefined
    },
    (error: unknown) => error
  )
  assert.ok(isRayswarmError(failure), `opened or failed strangely: ${failure}`)
  assert.equal(failure.code, code)
  assert.ok(failure.thing, 'names the thing')
  assert.ok(failure.remedy, 'says what to do')
  if (value !== undefined) assert.equal(failure.value, value)
  const issues = await runner.inspect(spec, dir)
  assert.ok(
    issues.some(({ severity }) => severity === 'error'),
    'inspection finds it too'
  )
  return failure.message
}

describe('opening a scene that cannot be rendered', () => {
  it('says that the file is missing', () =>
    withFiles({}, dir => refuses(dir, 'ERR_FILE_MISSING', jobSpec(), 'scene.glb')))

  it('says that it is a directory', () =>
    withFiles({ 'scene.glb/x': new Uint8Array() }, dir => refuses(dir, 'ERR_FILE_MISSING', jobSpec())))

  for (const [name, bytes] of Object.entries({
    text: Buffer.from('hello'),
    nothing: Buffer.alloc(0),
    'another JSON': Buffer.from('{"a":1}'),
    null: Buffer.from('null'),
    'glTF 1.0': Buffer.from('{"asset":{"version":"1.0"}}'),
    'a binary of version 1': Buffer.concat([
      Buffer.from('glTF'),
      Buffer.from([1, 0, 0, 0]),
      Buffer.alloc(20)
    ]),
    'an index out of range': gltf({ scenes: [{ nodes: [7] }] })
  })) {
    it(`says that ${name} is not a glTF`, () =>
      withFiles({ 'scene.glb': bytes }, dir => refuses(dir, 'ERR_NOT_GLTF', jobSpec(), 'scene.glb')))
  }

  it('says that a binary is cut off, wherever it is cut', async () => {
    const whole = await simple()
    for (const length of [12, 19, 40, 400, whole.length - 1]) {
      await withFiles({ 'scene.glb': whole.subarray(0, length) }, dir =>
        refuses(dir, 'ERR_NOT_GLTF', jobSpec())
      )
    }
  })

  for (const path of ['../scene.glb', '/etc/passwd', 'a/../../x.glb', 'file:///etc/passwd', '..\\x.glb']) {
    it(`refuses the entry ${path}`, () =>
      withFiles({}, dir => refuses(dir, 'ERR_PATH_ESCAPES', jobSpec({ entry: path }))))
  }

  for (const uri of [
    '../x.bin',
    '/etc/passwd',
    'file:///etc/passwd',
    'https://a/b.bin',
    'a/../../b.bin',
    '%2e%2e/x.bin'
  ]) {
    it(`refuses the buffer ${uri}`, () =>
      withFiles({ 'scene.glb': gltf({ buffers: [{ uri, byteLength: 4 }] }) }, dir =>
        refuses(dir, 'ERR_PATH_ESCAPES', jobSpec())
      ))
  }

  it('refuses a symbolic link that leaves the directory', () =>
    withFiles({ 'scene.glb': gltf({ images: [{ uri: 'x.png' }] }) }, async dir => {
      await symlink('/etc/passwd', join(dir, 'x.png'))
      await refuses(dir, 'ERR_PATH_ESCAPES', jobSpec())
    }))

  it('names a missing buffer, texture or environment', async () => {
    const cases = [
      gltf({ buffers: [{ uri: 'gone.bin', byteLength: 4 }] }),
      gltf({ images: [{ uri: 'gone.bin' }] }),
      gltf({ scenes: [{ extras: { rayswarm: { environment: 'gone.bin' } } }] })
    ]
    for (const bytes of cases) {
      await withFiles({ 'scene.glb': bytes }, async dir => {
        if (bytes === cases[2]) {
          // Nothing else is wrong with a scene that only lacks its environment, but it must have a camera to get there.
          const stage = new Stage()
          stage.extras.environment = 'gone.bin'
          stage.cameraAbove(2)
          await writeFile(join(dir, 'scene.glb'), await stage.glb())
        }
        assert.match(await refuses(dir, 'ERR_FILE_MISSING', jobSpec(), 'gone.bin'), /gone\.bin/)
      })
    }
  })

  it('names the extension it does not know', () =>
    withFiles({ 'scene.glb': gltf({ extensionsRequired: ['KHR_draco_mesh_compression'] }) }, dir =>
      refuses(dir, 'ERR_SCENE_UNSUPPORTED', jobSpec(), 'KHR_draco_mesh_compression')
    ))

  it('names the camera it does not find', async () => {
    await withFiles({ 'scene.glb': gltf() }, dir => refuses(dir, 'ERR_SCENE_UNSUPPORTED', jobSpec(), 'none'))
    const named = jobSpec({ camera: 'second' })
    await withFiles({ 'scene.glb': await simple() }, dir =>
      refuses(dir, 'ERR_SCENE_UNSUPPORTED', named, 'second')
    )
  })

  it('names the texture it cannot decode', async () => {
    const stage = new Stage()
    const broken = stage.document
      .createTexture('stone')
      .setImage(Buffer.from('not a picture'))
      .setMimeType('image/png')
    stage.square(stage.material().setBaseColorTexture(broken))
    stage.cameraAbove(2)
    await withFiles({ 'scene.glb': await stage.glb() }, dir =>
      refuses(dir, 'ERR_SCENE_UNSUPPORTED', jobSpec(), 'stone')
    )
  })

  it('names what is wrong in the extras', async () => {
    for (const extras of [
      { sky: { zenith: 'blue' } },
      { sky: { zenith: [1, 2, 3], sun: { angularRadius: 'wide' } } },
      { exposure: 1e9 }
    ]) {
      const stage = new Stage()
      Object.assign(stage.extras, extras)
      stage.square(stage.material())
      stage.cameraAbove(2)
      await withFiles({ 'scene.glb': await stage.glb() }, dir =>
        refuses(dir, 'ERR_SCENE_UNSUPPORTED', jobSpec())
      )
    }
  })

  it('says how much memory is needed and how much is allowed', async () => {
    await withFiles({ 'scene.glb': await simple() }, async dir => {
      const message = await refuses(dir, 'ERR_SCENE_MEMORY', jobSpec({}, MIB))
      assert.match(message, /needs \d+ MiB.*allowed are 1 MiB/)
      const huge = jobSpec({ widthPx: 16_384, heightPx: 16_384 }, 1024 * MIB)
      assert.match(await refuses(dir, 'ERR_SCENE_MEMORY', huge), /needs \d+ MiB/)
    })
  })
})

describe('opening a scene with odd but harmless parts', () => {
  it('shows what is left when vertices or indices are broken', async () => {
    const stage = new Stage().sky([1, 1, 1])
    const node = stage.square(stage.material())
    const primitive = node.getMesh()!.listPrimitives()[0]!
    const points = new Float32Array([Number.NaN, 0, -1, -1, 0, 1, 1, 0, 1, 1, 0, -1])
    primitive.setAttribute('POSITION', stage.accessor(points, 'VEC3'))
    primitive.setIndices(stage.accessor(new Uint32Array([0, 1, 2, 1, 2, 3, 1, 2, 99]), 'SCALAR'))
    stage.cameraAbove(2)
    await withFiles({ 'scene.glb': await stage.glb() }, async dir => {
      const runner = new PathtracerRunner({ concurrency: 1 })
      await (await runner.open(jobSpec(), dir)).close()
      const codes = (await runner.inspect(jobSpec(), dir)).map(({ code }) => code)
      assert.deepEqual(codes, ['vertices-not-finite'])
    })
  })

  it('warns of what it will not show', async () => {
    const stage = new Stage()
    stage.square(stage.material()).getMesh()!.listPrimitives()[0]!.setMode(1)
    stage.cameraAbove(2)
    await withFiles({ 'scene.glb': await stage.glb() }, async dir => {
      const issues = await new PathtracerRunner().inspect(jobSpec(), dir)
      assert.deepEqual(issues.map(({ code }) => code).toSorted(), [
        'no-light',
        'not-triangles',
        'scene-empty'
      ])
      for (const issue of issues)
        assert.ok(issue.severity === 'warning' && issue.message && issue.remedy && issue.where)
    })
  })

  it('finds nothing wrong with a sound scene', async () => {
    const stage = new Stage().sky([1, 1, 1])
    stage.square(stage.material())
    stage.cameraAbove(2)
    await withFiles({ 'scene.glb': await stage.glb() }, async dir => {
      assert.deepEqual(await new PathtracerRunner().inspect(jobSpec(), dir), [])
    })
  })
})

describe('the files of a scene', () => {
  it('are the entry and everything it refers to', async () => {
    const stage = new Stage()
    stage.extras.environment = 'sky/evening.hdr'
    const json = {
      asset: ASSET,
      scenes: [{ extras: { rayswarm: stage.extras } }],
      buffers: [
        { uri: 'my%20scene.bin', byteLength: 1 },
        { uri: 'data:application/octet-stream;base64,AA==', byteLength: 1 }
      ],
      images: [{ uri: 'textures/a.png' }, { uri: './textures/a.png' }]
    }
    const files = {
      'scene.gltf': Buffer.from(JSON.stringify(json)),
      'my scene.bin': Buffer.alloc(1),
      'textures/a.png': Buffer.alloc(1),
      'sky/evening.hdr': Buffer.alloc(1)
    }
    await withFiles(files, async dir => {
      assert.deepEqual(await sceneFiles(join(dir, 'scene.gltf')), [
        'scene.gltf',
        'my scene.bin',
        'textures/a.png',
        'sky/evening.hdr'
      ])
    })
  })

  it('must exist and stay inside', async () => {
    await withFiles({ 'scene.gltf': gltf({ images: [{ uri: 'gone.png' }] }) }, dir =>
      assert.rejects(sceneFiles(join(dir, 'scene.gltf')), { code: 'ERR_FILE_MISSING', value: 'gone.png' })
    )
    await withFiles(
      { 'a/scene.gltf': gltf({ images: [{ uri: '../b.png' }] }), 'b.png': Buffer.alloc(1) },
      dir => assert.rejects(sceneFiles(join(dir, 'a/scene.gltf')), { code: 'ERR_PATH_ESCAPES' })
    )
    await assert.rejects(sceneFiles('/nowhere/scene.gltf'), { code: 'ERR_FILE_MISSING' })
  })
})
