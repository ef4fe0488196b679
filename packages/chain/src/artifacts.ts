import { Interface } from 'ethers'
import escrow from '../artifacts/JobEscrow.json' with { type: 'json' }
import registry from '../artifacts/NodeRegistry.json' with { type: 'json' }
import token from '../artifacts/WorkToken.json' with { type: 'json' }

/** Call data, events and errors of `JobEscrow`. */
export const ESCROW: Interface = new Interface(escrow.abi)
/** Call data, events and errors of `NodeRegistry`. */
export const REGISTRY: Interface = new Interface(registry.abi)
/** Call data, events and errors of `WorkToken`. */
export const TOKEN: Interface = new Interface(token.abi)

export const ESCROW_BYTECODE: string = escrow.bytecode
export const REGISTRY_BYTECODE: string = registry.bytecode
export const TOKEN_BYTECODE: string = token.bytecode
