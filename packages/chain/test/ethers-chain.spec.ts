import { chainSuite } from '@rayswarm/simulation'
import { TestBed } from './world.ts'

describe('EthersChain', () => {
  let bed: TestBed
  before(async () => {
    bed = await TestBed.start()
  })
  after(() => bed.stop())

  chainSuite('EthersChain', () => bed.open())
})
