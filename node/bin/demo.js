#!/usr/bin/env node

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(`error ERR_USAGE: Node ${process.versions.node} is too old\n`)
  process.stderr.write('fix: Use Node 22.19 or newer; `npm run demo` does.\n')
  process.exit(2)
}
const { demo } = await import('../dist/src/demo/main.js')
await demo(process.argv)
