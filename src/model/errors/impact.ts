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
  EXCEPTION_ENDED: {
    status: 409,
    text: 'Exception {id} has ended already ({at}). Set a new one if the risk is still accepted.',
  },
} satisfies Record<string, ErrorSpec>;
