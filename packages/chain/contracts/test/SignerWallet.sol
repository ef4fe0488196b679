// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

interface ITransferAndCall {
    function transferAndCall(address to, uint256 value, bytes calldata data) external returns (bool);
}

/// @dev A creator that is a contract: its owner signs for it, ERC-1271.
contract SignerWallet is IERC1271 {
    address private immutable owner;

    constructor(address owner_) {
        owner = owner_;
    }

    function lock(ITransferAndCall token, address escrow, uint256 amount, bytes calldata terms) external {
        token.transferAndCall(escrow, amount, terms);
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        (address signer,,) = ECDSA.tryRecover(hash, signature);
        return signer == owner ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}
