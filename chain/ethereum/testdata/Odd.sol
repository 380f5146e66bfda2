// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// A token with habits: it takes one per cent of every transfer and logs the fee
/// before the rest; it can also take a tenth without a word, log transfers that
/// never happened, and let a balance grow by itself.
contract Odd {
    mapping(address => uint256) public balanceOf;
    uint8 public constant decimals = 6;

    event Transfer(address indexed from, address indexed to, uint256 value);

    constructor() {
        balanceOf[msg.sender] = 10 ** 12;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        uint256 fee = value / 100;
        balanceOf[msg.sender] -= value;
        balanceOf[address(this)] += fee;
        balanceOf[to] += value - fee;
        emit Transfer(msg.sender, address(this), fee);
        emit Transfer(msg.sender, to, value - fee);
        return true;
    }

    function quiet(address to, uint256 value) external {
        balanceOf[msg.sender] -= value;
        balanceOf[to] += value - value / 10;
        emit Transfer(msg.sender, to, value);
    }

    function grow(address who, uint256 value) external {
        balanceOf[who] += value;
    }

    function lie(address to, uint256 value) external {
        emit Transfer(msg.sender, to, value);
    }
}
