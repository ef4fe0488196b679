// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1363Receiver} from "@openzeppelin/contracts/interfaces/IERC1363Receiver.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

interface IBurnable {
    function burn(uint256 amount) external;
}

/// @title Locks a job's budget and pays its nodes
/// @notice One slot per job. The creator's signature releases the money; once he has appointed witnesses, only a quorum of one
/// view of them does. A timeout gives it back. spec/escrow.md
contract JobEscrow is EIP712, ReentrancyGuardTransient, IERC1363Receiver {
    using SafeERC20 for IERC20;

    struct Payout {
        address account;
        uint64 gross;
    }

    /// @dev EIP-2098: the parity of y is the highest bit of `vs`.
    struct CompactSignature {
        bytes32 r;
        bytes32 vs;
    }

    /// @dev Who settles in the creator's place.
    struct Appointment {
        /// In the order of the draw, one view after the other.
        address[] witnesses;
        uint256 viewSize;
        /// How many of one view must sign: a majority.
        uint256 quorum;
    }

    struct Credit {
        address account;
        uint64 amount;
    }

    /// @dev Exactly one slot. `refundableAt` below FIRST_INSTANT is a tombstone: SETTLED or REFUNDED.
    struct Job {
        address creator;
        uint64 locked;
        uint32 refundableAt;
    }

    /// @dev What became of the money of one settlement, summed over its payouts.
    struct Sums {
        uint256 gross;
        uint256 paid;
        uint256 burned;
        uint256 treasury;
    }

    uint256 private constant BPS = 10_000;
    uint256 public constant TREASURY_BPS_MAX = 1_000;
    uint32 public constant REFUND_AFTER_S_MAX = 365 days;
    /// @notice Of one view.
    uint256 public constant WITNESS_COUNT_MAX = 31;
    uint256 public constant WITNESS_VIEW_COUNT_MAX = 4;

    uint32 private constant SETTLED = 1;
    uint32 private constant REFUNDED = 2;
    uint32 private constant FIRST_INSTANT = 3;

    /// @dev bytes32 jobHash, bytes32 salt, uint32 refundAfterS, each in a word.
    uint256 private constant TERMS_SIZE_BYTES = 96;

    bytes32 private constant PAYOUT_TYPEHASH = keccak256("Payout(address account,uint64 gross)");
    bytes32 private constant SETTLEMENT_TYPEHASH = keccak256(
        "Settlement(bytes32 id,Payout[] payouts,bytes32 receiptsRoot)Payout(address account,uint64 gross)"
    );

    IERC20 public immutable token;
    address public immutable treasury;
    uint256 public immutable nodeBps;
    uint256 public immutable burnBps;
    uint256 public immutable treasuryBps;

    mapping(bytes32 id => Job) public jobs;

    /// @notice keccak256(abi.encode(appointment)) of those who settle in the creator's place; zero: he settles himself.
    mapping(bytes32 id => bytes32) public appointed;

    /// @notice Earned and not yet withdrawn.
    mapping(address account => uint256) public credits;

    /// @notice The treasury's share, not yet swept.
    uint256 public treasuryAccrued;

    event JobOpened(bytes32 indexed id, address indexed creator, bytes32 jobHash, uint256 amount, uint256 refundableAt);
    event WitnessesAppointed(bytes32 indexed id, bytes32 appointed, Appointment appointment);
    event JobSettled(
        bytes32 indexed id,
        uint256 paid,
        uint256 burned,
        uint256 treasury,
        uint256 refunded,
        bytes32 receiptsRoot,
        Credit[] credits
    );
    event JobRefunded(bytes32 indexed id, uint256 refunded);
    event CreditWithdrawn(address indexed account, uint256 amount);
    event TreasurySwept(uint256 amount);

    error AlreadyAppointed(bytes32 id);
    error BadQuorum(uint256 viewSize, uint256 quorum);
    error BadSplit();
    error BadTerms();
    error BadSignature();
    error BadViews(uint256 witnessCount, uint256 viewSize);
    error DuplicateWitness(address account);
    error ExceedsLock(uint256 gross, uint256 locked);
    error InexactTransfer(uint256 received, uint256 amount);
    error JobExists(bytes32 id);
    error JobNotOpen(bytes32 id);
    error NoSuchView(uint256 viewIndex);
    error NotAppointed(bytes32 id);
    error NotCreator(address caller);
    error NothingToWithdraw();
    error NotRefundableYet(uint256 refundableAt);
    error NotToken(address caller);
    error PayoutsNotAscending(address account);
    error QuorumNotMet(uint256 signatureCount, uint256 quorum);
    error RefundTimeOutOfRange(uint256 refundAfterS);
    error WitnessesDecide(bytes32 id);
    error ZeroAccount();
    error ZeroAmount();

    constructor(IERC20 token_, address treasury_, uint256 nodeBps_, uint256 burnBps_, uint256 treasuryBps_)
        EIP712("Rayswarm JobEscrow", "1")
    {
        if (address(token_) == address(0) || treasury_ == address(0)) revert ZeroAccount();
        // Each share is bounded before the sum, so the sum cannot wrap.
        if (nodeBps_ > BPS || burnBps_ > BPS || treasuryBps_ > TREASURY_BPS_MAX) revert BadSplit();
        if (nodeBps_ + burnBps_ + treasuryBps_ != BPS) revert BadSplit();
        token = token_;
        treasury = treasury_;
        nodeBps = nodeBps_;
        burnBps = burnBps_;
        treasuryBps = treasuryBps_;
    }

    /// @notice Id of a job's escrow. It contains the creator, so nobody can take it before him.
    function idOf(address creator, bytes32 jobHash, bytes32 salt) public pure returns (bytes32) {
        return keccak256(abi.encode(creator, jobHash, salt));
    }

    /// @notice Lock `amount` of the caller's tokens, by allowance.
    function open(bytes32 jobHash, bytes32 salt, uint64 amount, uint32 refundAfterS)
        external
        nonReentrant
        returns (bytes32 id)
    {
        id = _open(msg.sender, jobHash, salt, amount, refundAfterS);
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != amount) revert InexactTransfer(received, amount);
    }

    /// @notice Lock in one transaction: `token.transferAndCall(escrow, amount, abi.encode(jobHash, salt, refundAfterS))`.
    /// @dev The tokens are here already. A token that delivers less than `value` must not be used with this contract.
    function onTransferReceived(address, address from, uint256 value, bytes calldata data)
        external
        nonReentrant
        returns (bytes4)
    {
        if (msg.sender != address(token)) revert NotToken(msg.sender);
        if (data.length != TERMS_SIZE_BYTES) revert BadTerms();
        (bytes32 jobHash, bytes32 salt, uint32 refundAfterS) = abi.decode(data, (bytes32, bytes32, uint32));
        _open(from, jobHash, salt, SafeCast.toUint64(value), refundAfterS);
        return IERC1363Receiver.onTransferReceived.selector;
    }

    /// @notice Pay a job's nodes, as its creator signed. What is left goes back to the creator. Anybody may send it, as long as
    /// no witnesses are appointed: a creator could sign that nobody is paid once the work is done.
    /// @param payouts strictly ascending by account, every gross above zero, together at most what is locked
    function settle(bytes32 id, Payout[] calldata payouts, bytes32 receiptsRoot, bytes calldata signature)
        external
        nonReentrant
    {
        Job memory job = _openJob(id);
        if (appointed[id] != 0) revert WitnessesDecide(id);
        bytes32 digest = settlementDigest(id, payouts, receiptsRoot);
        if (!SignatureChecker.isValidSignatureNowCalldata(job.creator, digest, signature)) revert BadSignature();

        _settle(id, job, payouts, receiptsRoot);
    }

    /// @notice Name who settles in the creator's place. Only the creator, once, while the job is locked; his own signature
    /// settles no more.
    function appoint(bytes32 id, Appointment calldata appointment) external nonReentrant {
        Job memory job = _openJob(id);
        if (msg.sender != job.creator) revert NotCreator(msg.sender);
        if (appointed[id] != 0) revert AlreadyAppointed(id);
        (uint256 viewSize, uint256 quorum) = (appointment.viewSize, appointment.quorum);
        if (viewSize == 0 || viewSize > WITNESS_COUNT_MAX || quorum > viewSize || quorum <= viewSize / 2) {
            revert BadQuorum(viewSize, quorum);
        }
        uint256 count = appointment.witnesses.length;
        if (count == 0 || count % viewSize != 0 || count > viewSize * WITNESS_VIEW_COUNT_MAX) {
            revert BadViews(count, viewSize);
        }
        _checkDistinct(appointment.witnesses, viewSize);
        bytes32 hash = keccak256(abi.encode(appointment));
        appointed[id] = hash;
        emit WitnessesAppointed(id, hash, appointment);
    }

    /// @notice Pay a job's nodes, as a quorum of one view of the appointed witnesses signed: the same digest that a creator signs.
    /// @param viewIndex whose signatures these are; those of different views never add up
    /// @param signers bit i: witness i of the view signed
    /// @param signatures one for each bit of `signers`, lowest bit first
    function settleByWitnesses(
        bytes32 id,
        Payout[] calldata payouts,
        bytes32 receiptsRoot,
        Appointment calldata appointment,
        uint256 viewIndex,
        uint256 signers,
        CompactSignature[] calldata signatures
    ) external nonReentrant {
        Job memory job = _openJob(id);
        if (keccak256(abi.encode(appointment)) != appointed[id]) revert NotAppointed(id);
        if (signatures.length < appointment.quorum) revert QuorumNotMet(signatures.length, appointment.quorum);
        bytes32 digest = settlementDigest(id, payouts, receiptsRoot);
        _checkSigners(digest, _witnessesOf(appointment, viewIndex), signers, signatures);
        _settle(id, job, payouts, receiptsRoot);
    }

    /// @notice Give a timed-out job's money back to its creator. Anybody may call.
    function refund(bytes32 id) external nonReentrant {
        Job memory job = _openJob(id);
        if (block.timestamp < job.refundableAt) revert NotRefundableYet(job.refundableAt);
        jobs[id].refundableAt = REFUNDED;
        emit JobRefunded(id, job.locked);
        token.safeTransfer(job.creator, job.locked);
    }

    /// @notice Pay `account` what it earned. Anybody may call; the money goes to the account.
    function withdraw(address account) external nonReentrant {
        uint256 amount = credits[account];
        if (amount == 0) revert NothingToWithdraw();
        credits[account] = 0;
        emit CreditWithdrawn(account, amount);
        token.safeTransfer(account, amount);
    }

    /// @notice Pay the treasury its share. Anybody may call.
    function sweepTreasury() external nonReentrant {
        uint256 amount = treasuryAccrued;
        if (amount == 0) revert NothingToWithdraw();
        treasuryAccrued = 0;
        emit TreasurySwept(amount);
        token.safeTransfer(treasury, amount);
    }

    /// @notice What the creator signs: EIP-712 over this chain and this contract.
    function settlementDigest(bytes32 id, Payout[] calldata payouts, bytes32 receiptsRoot)
        public
        view
        returns (bytes32)
    {
        uint256 count = payouts.length;
        bytes32[] memory hashes = new bytes32[](count);
        bytes32 typehash = PAYOUT_TYPEHASH;
        for (uint256 i = 0; i < count; i++) {
            Payout calldata payout = payouts[i];
            (address account, uint64 gross) = (payout.account, payout.gross);
            bytes32 hash;
            // keccak256(abi.encode(typehash, account, gross)), without taking new memory for each payout.
            assembly ("memory-safe") {
                let free := mload(0x40)
                mstore(free, typehash)
                mstore(add(free, 0x20), account)
                mstore(add(free, 0x40), gross)
                hash := keccak256(free, 0x60)
            }
            hashes[i] = hash;
        }
        bytes32 payoutsHash;
        assembly ("memory-safe") {
            payoutsHash := keccak256(add(hashes, 0x20), mul(count, 0x20))
        }
        return _hashTypedDataV4(keccak256(abi.encode(SETTLEMENT_TYPEHASH, id, payoutsHash, receiptsRoot)));
    }

    function _open(address creator, bytes32 jobHash, bytes32 salt, uint64 amount, uint32 refundAfterS)
        private
        returns (bytes32 id)
    {
        // Also keeps strangers from opening jobs in a creator's name: a transfer of nothing needs no allowance.
        if (amount == 0) revert ZeroAmount();
        if (refundAfterS == 0 || refundAfterS > REFUND_AFTER_S_MAX) revert RefundTimeOutOfRange(refundAfterS);
        id = idOf(creator, jobHash, salt);
        if (jobs[id].creator != address(0)) revert JobExists(id);
        uint32 refundableAt = SafeCast.toUint32(block.timestamp + refundAfterS);
        jobs[id] = Job(creator, amount, refundableAt);
        emit JobOpened(id, creator, jobHash, amount, refundableAt);
    }

    /// @dev Within each view: nobody's signature counts in two, and to look across them costs 42 000 gas more for 4 of 7.
    /// In memory, where a look costs less than half of one at calldata.
    function _checkDistinct(address[] memory witnesses, uint256 viewSize) private pure {
        for (uint256 first = 0; first < witnesses.length; first += viewSize) {
            for (uint256 i = first; i < first + viewSize; i++) {
                address witness = witnesses[i];
                if (witness == address(0)) revert ZeroAccount();
                for (uint256 k = first; k < i; k++) {
                    if (witnesses[k] == witness) revert DuplicateWitness(witness);
                }
            }
        }
    }

    function _witnessesOf(Appointment calldata appointment, uint256 viewIndex)
        private
        pure
        returns (address[] calldata)
    {
        (address[] calldata witnesses, uint256 viewSize) = (appointment.witnesses, appointment.viewSize);
        if (viewIndex >= witnesses.length / viewSize) revert NoSuchView(viewIndex);
        uint256 first = viewIndex * viewSize;
        return witnesses[first:first + viewSize];
    }

    /// @dev Each bit stands for another witness, so that none can sign twice.
    function _checkSigners(
        bytes32 digest,
        address[] calldata witnesses,
        uint256 signers,
        CompactSignature[] calldata signatures
    ) private pure {
        uint256 checked = 0;
        for (uint256 i = 0; signers != 0; i++) {
            if (signers & 1 == 1) {
                if (i >= witnesses.length || checked >= signatures.length) revert BadSignature();
                CompactSignature calldata signature = signatures[checked];
                (address signer, ECDSA.RecoverError fault,) = ECDSA.tryRecover(digest, signature.r, signature.vs);
                if (fault != ECDSA.RecoverError.NoError || signer != witnesses[i]) revert BadSignature();
                checked++;
            }
            signers >>= 1;
        }
        if (checked != signatures.length) revert BadSignature();
    }

    function _settle(bytes32 id, Job memory job, Payout[] calldata payouts, bytes32 receiptsRoot) private {
        jobs[id].refundableAt = SETTLED;
        (Sums memory sums, Credit[] memory credited) = _credit(payouts);
        if (sums.gross > job.locked) revert ExceedsLock(sums.gross, job.locked);
        uint256 refunded = job.locked - sums.gross;
        if (sums.treasury > 0) treasuryAccrued += sums.treasury;
        emit JobSettled(id, sums.paid, sums.burned, sums.treasury, refunded, receiptsRoot, credited);

        if (sums.burned > 0) IBurnable(address(token)).burn(sums.burned);
        if (refunded > 0) token.safeTransfer(job.creator, refunded);
    }

    function _openJob(bytes32 id) private view returns (Job memory job) {
        job = jobs[id];
        if (job.refundableAt < FIRST_INSTANT) revert JobNotOpen(id);
    }

    /// @dev Rounds the burned and the treasury share down; the node gets the rest.
    function _credit(Payout[] calldata payouts) private returns (Sums memory sums, Credit[] memory credited) {
        credited = new Credit[](payouts.length);
        (uint256 toBurnBps, uint256 toTreasuryBps) = (burnBps, treasuryBps);
        address previous = address(0);
        for (uint256 i = 0; i < payouts.length; i++) {
            Payout calldata payout = payouts[i];
            (address account, uint256 gross) = (payout.account, payout.gross);
            if (account <= previous) revert PayoutsNotAscending(account);
            if (gross == 0) revert ZeroAmount();
            previous = account;

            // 64-bit amounts times shares of 10 000: nothing here comes near 256 bits, and the shares sum to at most gross.
            unchecked {
                uint256 burned = (gross * toBurnBps) / BPS;
                uint256 toTreasury = (gross * toTreasuryBps) / BPS;
                uint256 amount = gross - burned - toTreasury;
                sums.gross += gross;
                sums.paid += amount;
                sums.burned += burned;
                sums.treasury += toTreasury;
                credits[account] += amount;
                credited[i].account = account;
                credited[i].amount = uint64(amount);
            }
        }
    }
}
