// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @dev Keeps one unit of every transfer.
contract FeeToken is ERC20("Fee", "FEE") {
    function mint(address account, uint256 amount) external {
        _mint(account, amount);
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (from != address(0) && to != address(0)) super._update(to, address(this), 1);
    }
}

/// @dev Calls back into whoever moves it, with whatever it was told to.
contract ReentrantToken is ERC20("Reentrant", "RE") {
    address private target;
    bytes private attack;

    error AttackFailed(bytes reason);

    function mint(address account, uint256 amount) external {
        _mint(account, amount);
    }

    function arm(address target_, bytes calldata attack_) external {
        (target, attack) = (target_, attack_);
    }

    function burn(uint256 amount) external {
        _burn(msg.sender, amount);
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (target == address(0)) return;
        (bool done, bytes memory reason) = target.call(attack);
        if (!done) revert AttackFailed(reason);
    }
}
