import type { ErrorSpec } from './spec.ts';

export const IMPACT_ERRORS = {
  EXCEPTION_BOUNDLESS: {
    status: 400,
    text: 'An exception without host, kit, check, component or advisory would cover every finding. Name at least one of them.',
  },
  EXCEPTION_EXPIRY: {
    status: 400,
    text: 'The exception was not set: {why}. Give an end between now and a year ahead; it can be set anew then.',
  },
  EXCEPTION_FOLDED: {
    status: 400,
    text: 'The exception was not set: {advisory} is listed under {names}, and covers nothing by its own name. Set one for each of those whose risk is accepted.',
  },
  EXCEPTION_ENDED: {
    status: 409,
    text: 'Exception {id} has ended already ({at}). Set a new one if the risk is still accepted.',
  },
} satisfies Record<string, ErrorSpec>;
