// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// A wallet that is a contract, and what can go wrong inside one.
contract Safe {
    address private known;

    /// Pays an address that the call names.
    function pay(address payable to) external payable {
        give(to, msg.value);
    }

    /// Remembers an address, to which payKnown pays: no call data names it.
    function remember(address to) external {
        known = to;
    }

    function payKnown() external payable {
        give(known, msg.value);
    }

    /// Pays two in one, and the first of them twice.
    function split(address one, address other) external payable {
        give(one, msg.value / 4);
        give(other, msg.value / 4);
        give(one, msg.value / 2);
    }

    /// An inner call pays and is taken back; the transaction works all the same.
    function tryInVain(address to) external payable {
        try this.payAndFail(to) {} catch {}
    }

    function payAndFail(address to) external {
        give(to, address(this).balance);
        revert("taken back");
    }

    /// A contract that ends as soon as it is made leaves its coins to somebody.
    function leave(address payable to) external payable {
        new Will{value: msg.value}(to);
    }

    function give(address to, uint256 value) private {
        (bool ok, ) = to.call{value: value}("");
        require(ok, "send");
    }
}

contract Will {
    constructor(address payable to) payable {
        selfdestruct(to);
    }
}
