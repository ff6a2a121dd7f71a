/** Does a name fit a pattern of `*` and `?`? Without going back further than to the last `*`, so that no pattern takes long. */
export function fits(name: string, pattern: string): boolean {
  let [at, star, from] = [0, -1, 0];
  let index = 0;
  while (index < name.length) {
    if (pattern[at] === '*') {
      [star, from] = [at, index];
      at += 1;
    } else if (pattern[at] === '?' || pattern[at] === name[index]) {
      at += 1;
      index += 1;
    } else if (star !== -1) {
      from += 1;
      [at, index] = [star + 1, from];
    } else return false;
  }
  return /^\**$/.test(pattern.slice(at));
}
