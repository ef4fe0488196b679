import { createECDH } from 'node:crypto'
import { SigningKey } from 'ethers'

/** A key whose public half is computed by the platform: the library takes fifty milliseconds for its first one. */
export class NativeKey extends SigningKey {
  override get publicKey(): string {
    const curve = createECDH('secp256k1')
    curve.setPrivateKey(Buffer.from(this.privateKey.slice(2), 'hex'))
    return `0x${curve.getPublicKey('hex')}`
  }
}
