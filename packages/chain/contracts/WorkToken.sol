// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC1363} from "@openzeppelin/contracts/token/ERC20/extensions/ERC1363.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title Token that renders are paid in
/// @notice For test networks: whoever deploys it may mint without limit but that of 64 bits.
contract WorkToken is ERC20, ERC20Burnable, ERC20Permit, ERC1363 {
    address public immutable minter;

    error NotMinter(address caller);

    /// @notice Off-chain amounts are 64 bits wide, so the supply has to fit.
    error SupplyTooLarge(uint256 supply);

    constructor() ERC20("Rayswarm Work", "WORK") ERC20Permit("Rayswarm Work") {
        minter = msg.sender;
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }

    function mint(address account, uint256 amount) external {
        if (msg.sender != minter) revert NotMinter(msg.sender);
        _mint(account, amount);
        uint256 supply = totalSupply();
        if (supply > type(uint64).max) revert SupplyTooLarge(supply);
    }
}
