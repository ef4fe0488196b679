// Where things lie in kernel memory. Read by the kernel and by the TypeScript that fills the memory.
// All records are little endian and aligned to 16 bytes.

/** Words (u32) of the header that `configure` reads: addresses and counts. */
export const HEAD_VERTICES = 0
export const HEAD_TRIANGLES = 4
export const HEAD_NODES = 8
export const HEAD_PACKETS = 12
export const HEAD_MATERIALS = 16
export const HEAD_TEXTURES = 20
export const HEAD_TEXELS = 24
export const HEAD_TABLES = 28
export const HEAD_INSTANCES = 32
export const HEAD_INSTANCE_COUNT = 36
export const HEAD_TOP_NODES = 40
export const HEAD_LIGHTS = 44
export const HEAD_LIGHT_COUNT = 48
export const HEAD_EMITTERS = 52
export const HEAD_CAMERA = 56
export const HEAD_SKY = 60
export const HEAD_ENVIRONMENT = 64
export const HEAD_SCRATCH = 68
export const HEAD_SIZE = 80

/** Vertex: normal in octahedral coordinates (i16 × 2), colour rgba (u8 × 4), u, v (f32). */
export const VERTEX_SIZE = 16
export const VERTEX_COLOUR = 4
export const VERTEX_UV = 8

/** Triangle: three vertex indices (u32), material index and flags (u32). */
export const TRIANGLE_SIZE = 16
export const TRIANGLE_MATERIAL = 12
export const TRIANGLE_FLAT = 0x80000000
export const TRIANGLE_MATERIAL_MASK = 0x00ffffff

/** Node of a 4-wide tree: min x, max x, min y, max y, min z, max z (f32 × 4 each), children (i32 × 4). */
export const NODE_SIZE = 128
export const NODE_CHILDREN = 96
export const NODE_EMPTY = 0x7fffffff

/** Four triangles side by side: corner, edge 1, edge 2 (x, y, z as f32 × 4 each), triangle ids (u32 × 4). */
export const PACKET_SIZE = 160
export const PACKET_EDGE1 = 48
export const PACKET_EDGE2 = 96
export const PACKET_IDS = 144
/** Bits of a triangle id: has an alpha channel to test; lets light of punctual sources and the sun through. */
export const ID_ALPHA = 0x80000000
export const ID_CLEAR = 0x40000000
export const ID_MASK = 0x3fffffff

/** Material. */
export const MATERIAL_SIZE = 128
export const MATERIAL_BASE = 0
export const MATERIAL_EMISSION = 16
export const MATERIAL_METALLIC = 32
export const MATERIAL_ROUGHNESS = 36
export const MATERIAL_F0 = 40
export const MATERIAL_IOR = 44
export const MATERIAL_TRANSMISSION = 48
export const MATERIAL_CUTOFF = 52
export const MATERIAL_NORMAL_SCALE = 56
export const MATERIAL_FLAGS = 60
export const MATERIAL_ABSORPTION = 64
export const MATERIAL_BASE_TEXTURE = 80
export const MATERIAL_MR_TEXTURE = 84
export const MATERIAL_NORMAL_TEXTURE = 88
export const MATERIAL_EMISSION_TEXTURE = 92
export const MATERIAL_TRANSMISSION_TEXTURE = 96
export const MATERIAL_COAT = 100
export const MATERIAL_COAT_ROUGHNESS = 104
export const FLAG_SOLID = 1
export const FLAG_DOUBLE_SIDED = 2
export const FLAG_MASK = 4
export const FLAG_BLEND = 8
export const FLAG_EMISSIVE = 16

/** Texture: width, height, flags, level count; a 2 × 3 matrix that maps uv and its determinant; byte offsets of the levels. */
export const TEXTURE_SIZE = 112
export const TEXTURE_WIDTH = 0
export const TEXTURE_HEIGHT = 4
export const TEXTURE_FLAGS = 8
export const TEXTURE_LEVEL_COUNT = 12
export const TEXTURE_MATRIX = 16
export const TEXTURE_STRETCH = 40
export const TEXTURE_LEVELS = 44
export const LEVEL_COUNT_MAX = 15
export const WRAP_REPEAT = 0
export const WRAP_CLAMP = 1
export const WRAP_MIRROR = 2
/** Flags: wrap of u in bits 0-1, wrap of v in bits 2-3; texels of 4 × 16 bits instead of 4 × 8. */
export const TEXTURE_WIDE = 16
export const TEXTURE_NEAREST = 32

/** Tables: the albedo of GGX, pairs of f32 by roughness and cosine. */
export const ALBEDO_EDGE = 32
export const TABLES_SIZE = 8192

/** Instance: object to world (3 rows of 4 f32), world to object (same), root node offset, emitter group, flags. */
export const INSTANCE_SIZE = 112
export const INSTANCE_INVERSE = 48
export const INSTANCE_ROOT = 96
export const INSTANCE_LIGHT = 100
export const INSTANCE_IDENTITY = 104

/** Light. Kind decides the meaning of the fields. */
export const LIGHT_SIZE = 96
export const LIGHT_KIND = 0
export const LIGHT_FIRST = 4
export const LIGHT_COUNT = 8
export const LIGHT_INSTANCE = 12
export const LIGHT_POSITION = 16
export const LIGHT_RANGE = 28
export const LIGHT_COLOUR = 32
export const LIGHT_POWER = 44
export const LIGHT_DIRECTION = 48
export const LIGHT_COS_OUTER = 60
export const LIGHT_SPOT_SCALE = 64
export const LIGHT_SPOT_OFFSET = 68
export const LIGHT_AREA = 72
export const LIGHT_RADIUS2 = 76
export const KIND_EMITTER = 0
export const KIND_POINT = 1
export const KIND_SPOT = 2
export const KIND_DIRECTIONAL = 3
export const KIND_SUN = 4
export const KIND_ENVIRONMENT = 5

/** Emitting triangle: packet index, lane, cumulative share of the group's area, triangle id. */
export const EMITTER_SIZE = 16

/** Camera: position, right, up, forward (f32 × 4 each), then lens radius and focus distance. */
export const CAMERA_SIZE = 96
export const CAMERA_RIGHT = 16
export const CAMERA_UP = 32
export const CAMERA_FORWARD = 48
export const CAMERA_LENS = 64
export const CAMERA_FOCUS = 68
/** How much a pixel's cone widens per unit of distance. */
export const CAMERA_SPREAD = 72

/** Sky: kind, then zenith, horizon, ground (f32 × 4 each), the sun, an environment map. */
export const SKY_SIZE = 144
export const SKY_KIND = 0
export const SKY_EDGE = 4
export const SKY_LIGHT = 8
export const SKY_SUN_LIGHT = 12
export const SKY_ZENITH = 16
export const SKY_HORIZON = 32
export const SKY_GROUND = 48
export const SKY_SUN_DIRECTION = 64
export const SKY_SUN_RADIANCE = 80
export const SKY_SUN_COS = 96
/** Scale of all radiance (exposure of the scene), and the bound of one indirect contribution. */
export const SKY_EXPOSURE = 100
export const SKY_CLAMP = 104
export const SKY_ROTATION_COS = 108
export const SKY_ROTATION_SIN = 112
export const SKY_SUN_ONE_MINUS_COS = 116
/** Byte offset, in the environment section, of the coarse map that lights surfaces. */
export const SKY_COARSE = 120
export const SKY_NONE = 0
export const SKY_GRADIENT = 1
export const SKY_MAP = 2
/** Edge of the coarse environment map. */
export const COARSE_EDGE = 256

/** Scratch of one kernel: two traversal stacks and lanes. */
export const SCRATCH_SIZE = 16384
