#!/usr/bin/env node

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(`error ERR_USAGE: Node ${process.versions.node} is too old\n`)
  process.stderr.write(
    'fix: Use Node 22.19 or newer; inside the repository, `npm run -s rayswarm --` does.\n'
  )
  process.exit(2)
}
const { main } = await import('../dist/src/cli/main.js')
await main(process.argv)
