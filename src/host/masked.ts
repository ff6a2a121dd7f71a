import { split, type WordRules } from './words.ts';

const HIDDEN = '•••';
/** Longer texts are cut before they are looked through. */
const LENGTH_LIMIT = 16_384;
const BLANK: WordRules = { ends: (char) => /\s/.test(char), quotes: `"'`, escapes: 'anything' };
const NO_QUOTES: WordRules = { ...BLANK, quotes: '' };
/** `quotes` with no quotes: a backslash takes no meaning from anything. */
const BLANKS_ONLY: WordRules = { ...NO_QUOTES, escapes: 'quotes' };

/** A name that contains one of these holds a secret, when an equals sign is behind it. */
const SECRET = /pass|pwd|secret|token|key|credential/i;
/** Settings of sudo that only sound like it. */
const HARMLESS = /^passwd_(?:tries|timeout)$/i;
/** A word that ends with one of these is followed by a secret, without more between them than a blank or a colon. */
const ENDS_SECRET =
  /(?:pass(?:word|wd|phrase)?|pwd|secret|token|(?:api|access|secret|private|auth)[-_]?key|credential)s?$/i;
const HEADER = /(?:authorization|cookie)["']?:$/i;
const SCHEME = /^["']?(?:bearer|basic|digest|negotiate|token|apikey)$/i;
/** The line goes on below. */
const CONTINUED = /^\\\s+$/;
const LONG_OPTION = /^--[\w-]+$/;

interface Rules {
  beside?: RegExp;
  behind?: RegExp;
}

/** Programs that take a secret in a short option: beside it (`-pX`), behind it (`-a X`), or both. */
const SHORT: [RegExp, Rules][] = [
  [/^(?:mysql|maria|mytop|innotop|percona|xtrabackup|pt-)/, { beside: /^-p./ }],
  [/^sshpass$/, { beside: /^-p./, behind: /^-p$/ }],
  [/^(?:redis|valkey|keydb)-cli$/, { beside: /^-a./, behind: /^-a$/ }],
  [/^(?:7z\w?|un?rar)$/, { beside: /^-(?:hp|p)./ }],
  [/^(?:zip|unzip)$/, { beside: /^-P./, behind: /^-P$/ }],
  [
    /^(?:mongo\w*|mongosh|ldap\w+|smbclient|ipmitool|sqlcmd|bcp|isql|psexec|mosquitto_\w+|vncpasswd)$/,
    { behind: /^-[pwP]$/, beside: /^-[wP]./ },
  ],
];
/** `-pX` of any other program: a port, or one of the words that begin with that letter. */
const NO_SECRET = /^-p(?:[\d:,./-]*$|rint|ath$|ath=|rune$|erm$|id$|refix|ort$|roto|roc|riority|arents$|eriod|idfile)/;

/**
 * Command lines travel to the server and into documents: what looks like a secret in one stays on the host. Rather too much
 * is hidden than too little; nobody's rule depends on what a password is.
 */
export function masked(text: string): string {
  const some = text.slice(0, LENGTH_LIMIT);
  const words = split(some, BLANK);
  const shown = maskedWords(words);
  // What has nothing to hide keeps its blanks.
  return shown.every((word, index) => word === words[index]) ? some : shown.join(' ');
}

/** Words as the kernel has them: blanks within one belong to it. */
export function maskedWords(words: readonly string[], depth = 0): string[] {
  const shown: string[] = [];
  let rules: Rules = {};
  let hides: 'next' | 'scheme' | null = null;
  for (const word of words) {
    if (CONTINUED.test(word)) {
      shown.push(word);
      continue;
    }
    rules = rulesOf(word) ?? rules;
    const isScheme: boolean = hides === 'scheme' && SCHEME.test(word);
    const isHidden = hides !== null && !isScheme && isValue(word, words[shown.length - 1] ?? '');
    shown.push(isHidden ? HIDDEN : one(word, rules, depth));
    hides = announces(word, rules) ? 'next' : HEADER.test(word) ? 'scheme' : null;
  }
  return userAndSecret(shown);
}

const rulesOf = (word: string): Rules | undefined =>
  SHORT.find(([program]) => program.test(word.slice(word.lastIndexOf('/') + 1)))?.[1];

/** Behind a word like `sshpass` that is no option, an option is one of its own. */
const isValue = (word: string, before: string): boolean => !word.startsWith('-') || before.startsWith('-');

function announces(word: string, { behind }: Rules): boolean {
  if (behind?.test(word) || SCHEME.test(word)) return true;
  const name = word.replace(/["']?:?$/, '');
  return ENDS_SECRET.test(name) || (LONG_OPTION.test(name) && SECRET.test(name));
}

function one(word: string, { beside }: Rules, depth: number): string {
  if (beside?.test(word) || (/^-p[^\s=]/.test(word) && !NO_SECRET.test(word))) return `${word.slice(0, 2)}${HIDDEN}`;
  const inQuotes = /^(["'])([^]*)\1$/.exec(word);
  if (inQuotes && depth < 3) return `${inQuotes[1]}${inner(inQuotes[2]!, BLANK, depth)}${inQuotes[1]}`;
  const named = assigned(word);
  // A script that was given as one word, or a quoted part of one.
  return /\s/.test(named) && depth < 3 ? inner(named, named === word ? BLANK : NO_QUOTES, depth) : withoutLogin(named);
}

function inner(text: string, rules: WordRules, depth: number): string {
  const asRuled = split(text, rules);
  // Quoted or escaped as a whole: looked into all the same.
  const words = asRuled.length === 1 && asRuled[0] === text ? split(text, BLANKS_ONLY) : asRuled;
  const shown = maskedWords(words, depth + 1);
  return shown.every((word, index) => word === words[index]) ? text : shown.join(' ');
}

/** `NAME=value`, and within a word `?name=value&…`, `"name":"value"`. The value goes on to the end of the word, or to `&`. */
function assigned(word: string): string {
  for (const match of word.matchAll(/(?<![\w.-])([\w.-]{1,200})(["']?[=:]["']?)(?=[^\s=])/g)) {
    const [all, name, between] = match as unknown as [string, string, string];
    const isSecret = between.includes('=') ? SECRET.test(name) && !HARMLESS.test(name) : ENDS_SECRET.test(name);
    if (!isSecret || word.startsWith('//', match.index + all.length)) continue;
    const start = match.index + all.length;
    const end = /[?&]/.test(word[match.index - 1] ?? '') ? word.indexOf('&', start) : -1;
    return `${word.slice(0, start)}${HIDDEN}${end === -1 ? '' : assigned(word.slice(end))}`;
  }
  return word;
}

/** `scheme://user:secret@host` */
const withoutLogin = (word: string): string => word.replace(/(:\/\/[^\s:/@]{0,200}:)[^\s@/]{1,500}@/g, `$1${HIDDEN}@`);

/** `-u name:secret`, `--user=name:secret`; two numbers are a user and a group. */
function userAndSecret(words: readonly string[]): string[] {
  return words.map((word, index) => {
    const before = words[index - 1] ?? '';
    const option =
      /^(-[uU]|--(?:proxy-)?user=?)/.exec(word)?.[0] ?? (/^(?:-[uU]|--(?:proxy-)?user)$/.test(before) ? '' : null);
    const value = option === null ? '' : word.slice(option.length);
    const at = value.indexOf(':');
    if (option === null || at < 1 || at === value.length - 1 || /^\d+:\d+$/.test(value) || value.includes('://'))
      return word;
    return `${option}${value.slice(0, at + 1)}${HIDDEN}`;
  });
}
