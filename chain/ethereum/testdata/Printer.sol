// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// A token with as many decimals as it is told, and as much of it as asked for.
contract Printer {
    uint8 public decimals;

    event Transfer(address indexed from, address indexed to, uint256 value);

    constructor(uint8 places) {
        decimals = places;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        emit Transfer(msg.sender, to, value);
        return true;
    }
}
