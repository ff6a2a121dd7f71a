/** Put in by the bundler. */
declare const LASTEMBER_AGENT_VERSION: string | undefined;

export const VERSION = typeof LASTEMBER_AGENT_VERSION === 'string' ? LASTEMBER_AGENT_VERSION : '0.0.0-dev';
