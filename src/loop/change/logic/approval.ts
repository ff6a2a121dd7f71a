/** Approvals are judged alike, whatever is signed. */
export { approvers, judgeApproval, judgeTime, keyIdOf, verifyEd25519 } from '../../enrollment/logic/approval.ts';
export type { ApprovalContext, ApprovalProblem } from '../../enrollment/logic/approval.ts';
