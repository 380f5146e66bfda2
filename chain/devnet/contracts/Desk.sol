// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

interface IToken {
    function transfer(address to, uint256 value) external returns (bool);
}

/// Pays many in one transaction, as exchanges do.
contract Desk {
    /// Sends values[i] of the desk's own token balance to to[i]: several
    /// Transfer logs in one transaction.
    function tokens(address token, address[] calldata to, uint256[] calldata values) external {
        for (uint256 i = 0; i < to.length; i++) {
            require(IToken(token).transfer(to[i], values[i]), "transfer");
        }
    }

    /// Sends values[i] wei to to[i]: internal transfers, which no transaction
    /// of the block names as its recipient.
    function coins(address[] calldata to, uint256[] calldata values) external payable {
        for (uint256 i = 0; i < to.length; i++) {
            (bool ok, ) = to[i].call{value: values[i]}("");
            require(ok, "send");
        }
    }
}
