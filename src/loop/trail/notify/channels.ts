import { createHmac } from 'node:crypto';
import { createTransport } from 'nodemailer';
import type { Notice, NotifierChannel } from '../../../model/notice.ts';
import { oneLine } from '../../../model/text.ts';
import { type Answer, request, urlProblem } from '../../../platform/http/outgoing.ts';

/** The other side must have taken a message within this time, or it is sent again. */
const TIMEOUT_MS = 20_000;
/** A mail as a whole, whatever the server says meanwhile: well within the time that nobody else sends the message. */
const MAIL_MS = 60_000;
const LONGEST_ANSWER = 64 * 1024;

type Of<K extends NotifierChannel['kind']> = Extract<NotifierChannel, { kind: K }>;

/** What is wrong with a channel, in words; null: nothing. */
export function channelProblem(channel: NotifierChannel): string | null {
  if (channel.kind === 'webhook') return urlProblem(channel.url);
  if (channel.kind === 'chat') return urlProblem(channel.url.replace(/\?[^#]*/, ''));
  if (channel.security === 'none' && !/^(?:127(?:\.\d{1,3}){3}|localhost|\[::1\]):/.test(channel.smtp))
    return 'mail without encryption is sent on this machine only; use starttls or tls';
  if ((channel.user === undefined) !== (channel.password === undefined))
    return 'a login takes both a user and a password';
  return null;
}

/** Where to, in words, without anything secret: a chat's whole URL is one, so only its host is shown. */
export function whereTo(channel: NotifierChannel): string {
  if (channel.kind === 'webhook') return channel.url;
  if (channel.kind === 'chat') return new URL(channel.url).host;
  return channel.to.join(', ');
}

/** Hands a message over. Throws an Error in plain words when the other side did not take it. */
export async function deliver(channel: NotifierChannel, notice: Notice, now: Date, origin: string): Promise<void> {
  if (channel.kind === 'email') return mail(channel, notice, origin);
  return channel.kind === 'webhook' ? hook(channel, notice, now) : chat(channel, notice);
}

/**
 * `Lastember-Signature: t=SECONDS,v1=HEX`, HMAC-SHA-256 of `SECONDS.BODY` under the hook's key: whoever has the key can
 * check who sent it and when. `Lastember-Notice` is the same when a message is sent again.
 */
export function signatureOf(key: string, body: string, now: Date): string {
  const seconds = Math.floor(now.getTime() / 1000);
  return `t=${seconds},v1=${createHmac('sha256', key).update(`${seconds}.${body}`).digest('hex')}`;
}

async function hook({ url, key, ca }: Of<'webhook'>, notice: Notice, now: Date): Promise<void> {
  const body = JSON.stringify(notice);
  const { status, text } = await post(url, body, ca, {
    'lastember-notice': notice.id,
    ...(key === undefined ? {} : { 'lastember-signature': signatureOf(key, body, now) }),
  });
  // Whole, so that what is secret in it is found before it is cut.
  if (!isTaken(status)) throw new Error(`it answered ${status}${text ? `: ${text}` : ''}`);
}

/** The form that incoming hooks of chats have in common. */
async function chat({ url, ca }: Of<'chat'>, notice: Notice): Promise<void> {
  const text = notice.text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const { status } = await post(url, JSON.stringify({ text }), ca);
  // Not with its text: many say back the URL, and that is the secret.
  if (!isTaken(status)) throw new Error(`it answered ${status}`);
}

const isTaken = (status: number): boolean => status >= 200 && status <= 299;

function post(
  url: string,
  body: string,
  ca: string | undefined,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return request(url, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
    ca,
    timeoutMs: TIMEOUT_MS,
    limit: LONGEST_ANSWER,
  });
}

/** Throws when the server has not taken it within `mostMs`, however busily it talks. */
export async function mail(
  channel: Of<'email'>,
  notice: Notice,
  origin: string,
  mostMs: number = MAIL_MS,
): Promise<void> {
  const at = channel.smtp.lastIndexOf(':');
  const transport = createTransport({
    host: channel.smtp.slice(0, at).replace(/^\[|\]$/g, ''),
    port: Number(channel.smtp.slice(at + 1)),
    secure: channel.security === 'tls',
    requireTLS: channel.security === 'starttls',
    ignoreTLS: channel.security === 'none',
    ...(channel.user === undefined ? {} : { auth: { user: channel.user, pass: channel.password ?? '' } }),
    tls: channel.ca === undefined ? {} : { ca: channel.ca },
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    // Nothing of a message may make it read files or URLs.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const signal = AbortSignal.timeout(mostMs);
  try {
    await transport.sendMail({
      signal,
      from: channel.from,
      to: channel.to,
      subject: oneLine(notice.title, 200),
      text: notice.text,
      // The same when it is sent again, so that mailboxes can tell.
      messageId: `<${notice.id}@${origin.replaceAll(/[^\w.-]/g, '-')}>`,
      headers: { 'Auto-Submitted': 'auto-generated' },
    });
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new Error(`the mail server did not take it within ${mostMs / 1000} s`, { cause: error });
  } finally {
    transport.close();
  }
}
