// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// The devnet's stablecoin: an ERC-20 with six decimals, of which the issuer may
/// keep a part of every transfer, as USDT's could.
/// It has no constructor, so that its run-time code and the customer's balance
/// (mapping at slot 0) can stand in the genesis block.
contract Coin {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    uint256 public toll; // parts of ten thousand that the contract keeps

    string public constant name = "Devnet USD Coin";
    string public constant symbol = "USDC";
    uint8 public constant decimals = 6;
    uint256 public constant totalSupply = 10 ** 15;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    function transfer(address to, uint256 value) external returns (bool) {
        return move(msg.sender, to, value);
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        require(allowance[from][msg.sender] >= value, "allowance");
        allowance[from][msg.sender] -= value;
        return move(from, to, value);
    }

    function setToll(uint256 parts) external {
        require(parts <= 10000, "toll");
        toll = parts;
    }

    function move(address from, address to, uint256 value) private returns (bool) {
        require(balanceOf[from] >= value, "balance");
        balanceOf[from] -= value;
        uint256 kept = (value * toll) / 10000;
        balanceOf[to] += value - kept;
        emit Transfer(from, to, value - kept);
        if (kept > 0) {
            balanceOf[address(this)] += kept;
            emit Transfer(from, address(this), kept);
        }
        return true;
    }
}
