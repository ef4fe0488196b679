// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1363Receiver} from "@openzeppelin/contracts/interfaces/IERC1363Receiver.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

interface IBurnableToken {
    function burn(uint256 amount) external;
}

/// @title Who takes part, and with which stake
/// @notice Holds stakes; everything else about a registration is in its events, for peers to read. spec/registry.md
contract NodeRegistry is EIP712, ReentrancyGuardTransient, IERC1363Receiver {
    using SafeERC20 for IERC20;

    /// @dev One slot. `withdrawableAt` is zero until the account leaves.
    struct Node {
        uint64 stake;
        uint64 withdrawableAt;
        bool slashed;
    }

    /// @dev EIP-2098: the parity of y is the highest bit of `vs`.
    struct SignedContent {
        bytes32 content;
        bytes32 r;
        bytes32 vs;
    }

    uint256 private constant BPS = 10_000;
    /// @notice Whoever proves an equivocation gets this share of the stake, the rest is burned: reporting oneself never pays.
    uint256 public constant REPORTER_BPS = 1_000;
    uint256 public constant EPOCH_S_MAX = 365 days;
    uint256 public constant UNBONDING_S_MAX = 365 days;
    uint256 public constant CLASSES_SIZE_BYTES_MAX = 1_024;
    uint256 public constant BINDING_SIZE_BYTES = 64;

    bytes32 private constant VOTE_TYPEHASH = keccak256("Vote(bytes32 replica,bytes32 content)");

    IERC20 public immutable token;
    uint256 public immutable epochS;
    uint256 public immutable unbondingS;
    uint256 public immutable stakeMin;

    mapping(address account => Node) public nodes;

    event Registered(
        address indexed account,
        bytes32 indexed peerKey,
        bytes32 operatorTag,
        uint256 epoch,
        uint256 stake,
        string classes,
        bytes binding
    );
    event Left(address indexed account, uint256 epoch, uint256 withdrawableAt);
    event Slashed(address indexed account, uint256 epoch, address reporter, uint256 burned, uint256 rewarded);
    event StakeWithdrawn(address indexed account, uint256 amount);

    error AlreadySlashed(address account);
    error BadBinding(uint256 sizeBytes);
    error BadSchedule();
    error BadVote(address account);
    error ClassesTooLong(uint256 sizeBytes);
    error InexactTransfer(uint256 received, uint256 amount);
    error NoEquivocation();
    error NothingAtStake(address account);
    error NotLeaving(address account);
    error NotOwner(address caller);
    error NotRegistered(address account);
    error NotToken(address caller);
    error StakeTooLow(uint256 stake, uint256 stakeMin);
    error StillBonded(uint256 withdrawableAt);
    error Unbonding(address account);
    error ZeroAccount();
    error ZeroAmount();

    constructor(IERC20 token_, uint256 epochS_, uint256 unbondingS_, uint64 stakeMin_)
        EIP712("Rayswarm NodeRegistry", "1")
    {
        if (address(token_) == address(0)) revert ZeroAccount();
        if (epochS_ == 0 || epochS_ > EPOCH_S_MAX || unbondingS_ > UNBONDING_S_MAX) revert BadSchedule();
        if (stakeMin_ == 0) revert ZeroAmount();
        token = token_;
        epochS = epochS_;
        unbondingS = unbondingS_;
        stakeMin = stakeMin_;
    }

    /// @notice The present epoch.
    function epoch() public view returns (uint256) {
        return block.timestamp / epochS;
    }

    /// @notice Stake `stake` of the caller's tokens, by allowance, for the peer with this key. Again: adds to the stake and
    /// replaces the rest; zero adds nothing.
    /// @param binding the peer's ed25519 signature over its account. Checked by whoever reads the event, not here.
    function register(
        bytes32 peerKey,
        bytes32 operatorTag,
        string calldata classes,
        bytes calldata binding,
        uint64 stake
    ) external nonReentrant {
        _register(msg.sender, peerKey, operatorTag, classes, binding, stake);
        if (stake == 0) return;
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), stake);
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != stake) revert InexactTransfer(received, stake);
    }

    /// @notice Register in one transaction:
    /// `token.transferAndCall(registry, stake, abi.encode(peerKey, operatorTag, classes, binding))`.
    /// @dev The tokens are here already. Only their owner may send them, and at least one: a transfer of nothing needs no
    /// allowance, so that strangers could register others anew.
    function onTransferReceived(address operator, address from, uint256 value, bytes calldata data)
        external
        nonReentrant
        returns (bytes4)
    {
        if (msg.sender != address(token)) revert NotToken(msg.sender);
        if (operator != from) revert NotOwner(operator);
        if (value == 0) revert ZeroAmount();
        (bytes32 peerKey, bytes32 operatorTag, string memory classes, bytes memory binding) =
            abi.decode(data, (bytes32, bytes32, string, bytes));
        _register(from, peerKey, operatorTag, classes, binding, SafeCast.toUint64(value));
        return IERC1363Receiver.onTransferReceived.selector;
    }

    /// @notice Stop taking part. The stake can still be slashed until it is withdrawn.
    function unbond() external nonReentrant {
        Node memory node = nodes[msg.sender];
        if (node.stake == 0 || node.withdrawableAt != 0) revert NotRegistered(msg.sender);
        uint64 withdrawableAt = SafeCast.toUint64(block.timestamp + unbondingS);
        nodes[msg.sender].withdrawableAt = withdrawableAt;
        emit Left(msg.sender, epoch(), withdrawableAt);
    }

    /// @notice Pay an account that left its stake. Anybody may call; the money goes to the account.
    function withdrawStake(address account) external nonReentrant {
        Node memory node = nodes[account];
        if (node.withdrawableAt == 0) revert NotLeaving(account);
        if (block.timestamp < node.withdrawableAt) revert StillBonded(node.withdrawableAt);
        delete nodes[account];
        emit StakeWithdrawn(account, node.stake);
        token.safeTransfer(account, node.stake);
    }

    /// @notice Take the stake of an account that signed two different votes for one replica. Anybody may call.
    function slash(address account, bytes32 replica, SignedContent calldata one, SignedContent calldata other)
        external
        nonReentrant
    {
        Node memory node = nodes[account];
        if (node.slashed) revert AlreadySlashed(account);
        if (node.stake == 0) revert NothingAtStake(account);
        if (one.content == other.content) revert NoEquivocation();
        if (!_isSigned(account, replica, one) || !_isSigned(account, replica, other)) revert BadVote(account);

        // For ever: else the same votes would cost the account its next stake too.
        nodes[account] = Node(0, 0, true);
        uint256 rewarded = (uint256(node.stake) * REPORTER_BPS) / BPS;
        uint256 burned = node.stake - rewarded;
        emit Slashed(account, epoch(), msg.sender, burned, rewarded);
        IBurnableToken(address(token)).burn(burned);
        if (rewarded > 0) token.safeTransfer(msg.sender, rewarded);
    }

    /// @notice What a witness signs beside its vote: EIP-712 over this chain and this contract.
    function voteDigest(bytes32 replica, bytes32 content) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(VOTE_TYPEHASH, replica, content)));
    }

    function _isSigned(address account, bytes32 replica, SignedContent calldata vote) private view returns (bool) {
        (address signer, ECDSA.RecoverError fault,) =
            ECDSA.tryRecover(voteDigest(replica, vote.content), vote.r, vote.vs);
        return fault == ECDSA.RecoverError.NoError && signer == account;
    }

    function _register(
        address account,
        bytes32 peerKey,
        bytes32 operatorTag,
        string memory classes,
        bytes memory binding,
        uint64 added
    ) private {
        Node memory node = nodes[account];
        if (node.slashed) revert AlreadySlashed(account);
        if (node.withdrawableAt != 0) revert Unbonding(account);
        if (binding.length != BINDING_SIZE_BYTES) revert BadBinding(binding.length);
        if (bytes(classes).length > CLASSES_SIZE_BYTES_MAX) revert ClassesTooLong(bytes(classes).length);
        uint64 stake = SafeCast.toUint64(uint256(node.stake) + added);
        if (stake < stakeMin) revert StakeTooLow(stake, stakeMin);
        nodes[account].stake = stake;
        emit Registered(account, peerKey, operatorTag, epoch(), stake, classes, binding);
    }
}
