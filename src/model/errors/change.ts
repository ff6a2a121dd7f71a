import type { ErrorSpec } from './spec.ts';

export const CHANGE_ERRORS = {
  CHANGE_NOTHING_TO_DO: {
    status: 409,
    text: 'Planning found nothing that it could remediate: {why}.',
  },
  CHANGE_ONE_KIT: {
    status: 400,
    text: 'A change remediates findings of one kit; these are of {kits}. Make one change for each.',
  },
  CHANGE_STATE: {
    status: 409,
    text: 'The change is {state}; only a change that is {needs} can be {verb}.',
  },
  CHANGE_NOT_APPROVED: {
    status: 409,
    text: 'The change may not run: its plan has {have} of {needs} valid approvals. Have it approved with `lastember change approve {id} --key FILE`.',
  },
  CHANGE_WINDOW: {
    status: 409,
    text: 'The plan may run from {from} to {to}; {at} is not in that time. Choose another time or make a new plan with `lastember change replan`.',
  },
  CHANGE_STALE: {
    status: 409,
    text: 'The plan no longer fits the estate: {why}. Nothing was run; make a new plan with `lastember change replan`.',
  },
  CHANGE_NO_UNDO: { status: 409, text: 'Nothing of this change can be undone: {why}.' },
  APPROVAL_OTHER_PLAN: {
    status: 409,
    text: 'The signature is about another plan (digest {signed}); the change now has {current}. Look at the new plan and sign that.',
  },
  APPROVAL_FORGED: {
    status: 403,
    text: 'The signature does not fit the statement and key {key}; nothing was approved.',
  },
  APPROVAL_KEY_UNKNOWN: {
    status: 403,
    text: 'Key {key} is not registered, or was revoked. Register one with `lastember key add`.',
  },
  APPROVAL_OTHER_PERSON: {
    status: 403,
    text: 'Key {key} belongs to somebody else; approve with a key of your own.',
  },
  APPROVAL_BY_AUTHOR: {
    status: 403,
    text: 'Nobody approves a change of their own, administrators included. Ask another approver.',
  },
  APPROVAL_TWICE: { status: 409, text: 'This person has approved the plan already; another person is needed.' },
  APPROVAL_TIME: {
    status: 409,
    text: 'The statement was signed at {at}, which is not between the making of the plan and now; sign again, and check the clock.',
  },
  APPROVAL_EXPIRED: {
    status: 409,
    text: 'The plan could only run until {notAfter}; make a new one with `lastember change replan`.',
  },
  OUTCOME_REFUSED: { status: 403, text: 'The outcome was refused: {why}.' },
  AUTHORITY_REFUSED: {
    status: 502,
    text: 'The certificate authority {name} refused to {doing}: {why}.',
  },
  AUTHORITY_UNREACHABLE: {
    status: 502,
    text: 'Asking the certificate authority {name} to {doing} did not work: {why}.',
  },
  AUTHORITY_INVALID: { status: 400, text: 'The certificate authority was not added: {why}.' },
  AUTHORITY_IN_USE: {
    status: 409,
    text: 'The authority {name} is needed by change {change}, which is under way; let that end first.',
  },
  CAMPAIGN_NONE: {
    status: 404,
    text: 'Kit {kit} has no campaign: only kits about compromised keys have. See `lastember findings --kit {kit}`.',
  },
} satisfies Record<string, ErrorSpec>;
